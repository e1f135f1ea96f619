"""A file of named statements, taken apart: where each stands, its header, its words, its SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .._errors import DbError
from ._lexer import COMMENT, Token, UnclosedError, tokens

_HEAD: Final = re.compile(r"--\s*name\s*:(.*)", re.IGNORECASE | re.DOTALL)
EXAMPLE: Final = "-- name: inventory(shop: int) -> list[InventoryRow]"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file, from 1; as ``str`` the way people are told of it."""

    file: Path
    line: int

    def __str__(self) -> str:
        return f"{short(self.file)}:{self.line}"

    def wrong(self, message: str, hint: str) -> DbError:
        return DbError(f"{self}: {message}", hint)


@dataclass(frozen=True, slots=True)
class Written:
    """One statement as it stands in its file.

    ``place`` is its header's, ``sql_line`` the line its SQL begins at. ``comments`` are the lines
    that follow the header; the first ones may be the rest of a long header.
    """

    place: Place
    head: str
    comments: list[str]
    sql: str
    sql_line: int
    tokens: list[Token]


def short(file: Path) -> str:
    """From where we are, if it lies below."""
    try:
        return file.relative_to(Path.cwd()).as_posix()
    except (ValueError, OSError):  # elsewhere; or there is no such folder any more
        return file.as_posix()


def statements_in(file: Path) -> Iterator[Written]:
    """What is written there, in order. Raises DbError, with the line."""
    text = _read(file)
    found = _tokens(file, text)
    heads = [at for at, token in enumerate(found) if _is_head(text, token)]
    before = found[: heads[0]] if heads else found
    stray = next((token for token in before if token.kind != COMMENT), None)
    if stray is not None:
        raise _place(file, text, stray.start).wrong("SQL without a name.", f"Begin: {EXAMPLE}")
    if not heads:
        raise Place(file, 1).wrong("there is no statement.", f"Begin one: {EXAMPLE}")
    for at, end in zip(heads, [*heads[1:], len(found)], strict=True):
        yield _written(file, text, found[at:end])


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DbError(
            f"{short(file)}: {error.strerror}.",
            "sql names files from the folder of the module that defines the manager.",
        ) from error
    except UnicodeDecodeError as error:
        raise DbError(f"{short(file)}: {error}.", "Save it in UTF-8.") from error


def _tokens(file: Path, text: str) -> list[Token]:
    try:
        return list(tokens(text))
    except UnclosedError as error:
        place = _place(file, text, error.start)
        raise place.wrong(f"a {error.what} that never ends.", "Close it.") from error


def _place(file: Path, text: str, start: int) -> Place:
    return Place(file, 1 + text.count("\n", 0, start))


def _is_head(text: str, token: Token) -> bool:
    """It stands on a line of its own."""
    if token.kind != COMMENT or not _HEAD.match(token.text):
        return False
    return not text[text.rfind("\n", 0, token.start) + 1 : token.start].strip()


def _written(file: Path, text: str, found: list[Token]) -> Written:
    place = _place(file, text, found[0].start)
    said = _following(text, found)
    rest = _only_one(file, text, found[len(said) :])
    if all(token.kind == COMMENT for token in rest):
        raise place.wrong("a name without SQL.", "Write the statement below it.")
    start, end = rest[0].start, rest[-1].end
    head = _HEAD.match(said[0].text)
    assert head is not None
    return Written(
        place,
        head[1].strip(),
        [token.text[2:].removeprefix(" ").rstrip() for token in said[1:]],
        text[start:end],
        _place(file, text, start).line,
        [Token(token.kind, token.text, token.start - start) for token in rest],
    )


def _following(text: str, found: list[Token]) -> list[Token]:
    """The header and the comments in the lines below it, up to a line without one."""
    last = found[0]
    said = [last]
    for token in found[1:]:
        between = text[last.end : token.start]
        if not token.text.startswith("--") or between.count("\n") > 1:
            break
        said.append(token)
        last = token
    return said


def _only_one(file: Path, text: str, found: list[Token]) -> list[Token]:
    """Up to its semicolon, behind which nothing is to come but comments."""
    ends = next((at for at, token in enumerate(found) if token.text == ";"), None)
    if ends is None:
        return found
    second = next((token for token in found[ends + 1 :] if token.kind != COMMENT), None)
    if second is not None:
        raise _place(file, text, second.start).wrong(
            "a second statement under one name.", f"Give it a name of its own: {EXAMPLE}"
        )
    return found[:ends]
