"""Placeholders, ``:name``, in SQL: not those that are in texts, comments, names or casts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_TOKEN: Final = re.compile(
    r"""
    (?P<comment>--[^\n]*)
    | (?P<block>/\*)
    | (?P<escaped>(?<!\w)[eE]'(?:[^'\\]|\\.|'')*')
    | (?P<text>'(?:[^']|'')*')
    | (?P<quoted>"(?:[^"]|"")*")
    | (?P<dollar>(?<![\w$])\$(?:[^\W\d]\w*)?\$)
    | (?P<cast>::|:=)
    | (?P<name>(?<![\w\]]):[^\W\d]\w*)
    | (?P<percent>%)
    | (?P<open>['"])
    """,
    re.VERBOSE | re.DOTALL,
)
_BLOCK: Final = re.compile(r"/\*|\*/")


class UnclosedError(ValueError):
    """A text, a name or a comment does not end; ``position`` is where it begins."""

    def __init__(self, position: int) -> None:
        super().__init__("it does not end")
        self.position = position


def tokens(sql: str) -> Iterator[tuple[str, str, int]]:
    """(kind, text, position): "sql" for what is to stay, "name" for placeholders, without colon."""
    at = 0
    while found := _TOKEN.search(sql, at):
        kind, start = str(found.lastgroup), found.start()
        if start > at:
            yield "sql", sql[at:start], at
        end = _end(sql, kind, found)
        if kind == "name":
            yield "name", found.group()[1:], start
        else:
            yield ("comment" if kind in ("comment", "block") else "sql"), sql[start:end], start
        at = end
    if at < len(sql):
        yield "sql", sql[at:], at


def _end(sql: str, kind: str, found: re.Match[str]) -> int:
    if kind == "open":
        raise UnclosedError(found.start())
    if kind == "block":
        return _end_of_block(sql, found)
    if kind == "dollar":
        end = sql.find(found.group(), found.end())
        if end < 0:
            raise UnclosedError(found.start())
        return end + len(found.group())
    return found.end()


def _end_of_block(sql: str, found: re.Match[str]) -> int:
    """Comments may be inside each other in PostgreSQL."""
    depth, at = 1, found.end()
    while depth:
        mark = _BLOCK.search(sql, at)
        if mark is None:
            raise UnclosedError(found.start())
        depth += 1 if mark.group() == "/*" else -1
        at = mark.end()
    return at


def for_django(sql: str) -> tuple[str, list[tuple[str, int]]]:
    """(the text with ``%(name)s``, placeholders with their positions)."""
    parts, names = [], []
    for kind, text, position in tokens(sql):
        if kind == "name":
            names.append((text, position))
            parts.append(f"%({text})s")
        else:
            parts.append(text.replace("%", "%%"))
    return "".join(parts), names


def numbered(sql: str, names: list[str]) -> tuple[str, list[tuple[int, int]]]:
    """(the same with ``$1`` by the order of ``names``, where its parts begin: here, in ``sql``)."""
    parts, starts, length = [], [], 0
    for kind, text, position in tokens(sql):
        part = f"${names.index(text) + 1}" if kind == "name" else text
        parts.append(part)
        starts.append((length, position))
        length += len(part)
    return "".join(parts), starts


def words(sql: str) -> list[str]:
    """Its words in capitals, without texts, comments and quoted names."""
    kept = [
        text
        for kind, text, _ in tokens(sql)
        if kind == "sql" and not text.lstrip("eE").startswith(("'", '"', "$"))
    ]
    return re.findall(r"[A-Z_]\w*", " ".join(kept).upper())
