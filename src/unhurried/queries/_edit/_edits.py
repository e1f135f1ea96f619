"""Edits of source files, and the unified diff of them that ``git apply`` takes.

Offsets are characters of the file's text as it stands on disk: line ends, a byte order mark and a
missing last newline are kept. What would no longer parse is no edit.
"""

from __future__ import annotations

import ast
import codecs
import os
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path
from typing import Final

from django.conf import settings

BOM: Final = "\ufeff"
LAST: Final = "\n\\ No newline at end of file\n"
LARGEST: Final = 2_000_000  # bytes of a source file


class NoEditError(Exception):
    """There is no mechanical edit; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Edit:
    """Put ``new`` in place of ``text[start:end]`` of a file."""

    file: str
    start: int
    end: int
    new: str


class Text:
    """A file's text, with places in it by line and column."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.text = _read(file)
        self.starts = [0]
        for line in self.lines():
            self.starts.append(self.starts[-1] + len(line))

    def lines(self) -> list[str]:
        return _lines(self.text)

    def tree(self) -> ast.Module:
        return parsed(self.file, self.text)

    def offset(self, line: int, column: int) -> int:
        """Of a line (from 1) and a column in bytes of UTF-8, as ``ast`` and PEP 657 have them."""
        start = self.starts[line - 1]
        if line == 1 and self.text.startswith(BOM):
            start += 1
        head = self.text[start : self.starts[line]].encode()[:column]
        return start + len(head.decode(errors="ignore"))

    def start_of(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.lineno, node.col_offset)

    def end_of(self, node: ast.expr | ast.stmt) -> int:
        return self.offset(node.end_lineno or node.lineno, node.end_col_offset or node.col_offset)

    def of(self, node: ast.expr | ast.stmt) -> str:
        return self.text[self.start_of(node) : self.end_of(node)]

    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def replace(self, node: ast.expr | ast.stmt, new: str) -> Edit:
        return Edit(self.file, self.start_of(node), self.end_of(node), new)

    def insert(self, at: int, new: str) -> Edit:
        return Edit(self.file, at, at, new)


def _read(file: str) -> str:
    try:
        raw = Path(file).read_bytes()
    except OSError as error:
        raise NoEditError(f"{file} cannot be read: {error.strerror or error}") from error
    if len(raw) > LARGEST:
        raise NoEditError(f"{file} is larger than {LARGEST} bytes")
    if file.endswith(".py") and not _is_utf8(file):
        raise NoEditError(f"{file} is not in UTF-8")
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise NoEditError(f"{file} is not in UTF-8") from None
    if "\r" in text.replace("\r\n", ""):
        raise NoEditError(f"{file} has line ends that git does not know")
    return text


def _is_utf8(file: str) -> bool:
    try:
        with open(file, "rb") as source:
            encoding, _ = tokenize.detect_encoding(source.readline)
    except SyntaxError:
        return False
    return codecs.lookup(encoding.removesuffix("-sig")).name == "utf-8"


def _lines(text: str) -> list[str]:
    """With their ends; a form feed ends no line."""
    return [line for line in _split(text) if line]


def _split(text: str) -> Iterator[str]:
    *whole, rest = text.split("\n")
    for line in whole:
        yield f"{line}\n"
    yield rest


def parsed(file: str, text: str) -> ast.Module:
    try:
        return ast.parse(text.removeprefix(BOM))
    except SyntaxError as error:
        raise NoEditError(f"{file} does not parse: {error.msg}") from error


def applied(edits: Iterable[Edit]) -> dict[str, tuple[str, str]]:
    """file -> (text before, text after). Edits at one place stand in their order; none overlap."""
    by_file: dict[str, list[Edit]] = {}
    for edit in edits:
        known = by_file.setdefault(edit.file, [])
        if edit not in known:
            known.append(edit)
    return {file: _changed(file, each) for file, each in by_file.items()}


def _changed(file: str, edits: list[Edit]) -> tuple[str, str]:
    text = Text(file).text
    parts, at = [], 0
    for edit in sorted(edits, key=lambda edit: (edit.start, edit.end)):
        if edit.start < at:
            raise NoEditError("two remedies change the same words")
        parts += [text[at : edit.start], edit.new]
        at = edit.end
    after = "".join([*parts, text[at:]])
    if file.endswith(".py"):
        parsed(file, after)
    return text, after


def unified(edits: Iterable[Edit]) -> str:
    """The diff, with paths below the project's folder."""
    files = applied(edits)
    base = base_of(files)
    return "".join(_diff(os.path.relpath(file, base), *files[file]) for file in sorted(files))


def _diff(path: str, before: str, after: str) -> str:
    tab = "\t" if " " in path else ""
    lines = unified_diff(_lines(before), _lines(after), f"a/{path}{tab}", f"b/{path}{tab}")
    return "".join(line if line.endswith("\n") else line + LAST for line in lines)


def base_of(files: Iterable[str]) -> str:
    """``BASE_DIR`` if all files lie below it, else the folder the process runs in."""
    named = getattr(settings, "BASE_DIR", None) if settings.configured else None
    candidates = [os.path.abspath(str(named))] if named else []
    for base in (*candidates, os.getcwd()):
        if all(_below(file, base) for file in files):
            return base
    raise NoEditError("the line lies outside of the project's folder")


def _below(file: str, base: str) -> bool:
    return os.path.abspath(file).startswith(os.path.join(base, ""))
