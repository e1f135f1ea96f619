"""SQL as tokens, by PostgreSQL's grammar: enough of it never to take data for a placeholder."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

COMMENT, LITERAL, NAME, WORD, NUMBER, MARK, SIGN = (
    *("comment", "literal", "name", "word", "number"),
    *("mark", "sign"),
)

_LETTER: Final = r"[A-Za-z_\x80-\U0010ffff]"  # whatever is not ASCII is a letter
_IDENTIFIER: Final = rf"{_LETTER}[A-Za-z0-9_$\x80-\U0010ffff]*+"
_ESCAPED: Final = r"'(?:[^'\\]|''|\\.)*+'"
#: A string goes on in the next line, and its backslashes mean there what they meant here.
_GOES_ON: Final = r"(?:[ \t\f\v]|--[^\n\r]*+)*+[\n\r](?:\s|--[^\n\r]*+[\n\r])*+"
_PATTERN: Final = re.compile(
    rf"(?P<comment>--[^\n\r]*+|/\*)"
    rf"|(?P<literal>[eE]{_ESCAPED}(?:{_GOES_ON}{_ESCAPED})*+|'(?:[^']|'')*+'"
    rf"|(?P<dollar>\$(?:{_LETTER}[A-Za-z0-9_\x80-\U0010ffff]*+)?\$))"
    rf'|(?P<name>"(?:[^"]|"")*+")'
    rf"|(?P<open>[eE]?'|\")"
    rf"|(?P<word>{_IDENTIFIER})"
    rf"|(?P<number>[0-9]++(?:\.[0-9]++)?)"
    rf"|(?P<cast>::|:=)"
    rf"|(?P<mark>:{_IDENTIFIER})"
    rf"|(?P<sign>\$[0-9]++|[^\s])",
    re.DOTALL,
)
_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")
_OPERANDS: Final = frozenset({WORD, NAME, NUMBER, LITERAL, MARK})


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of SQL: its kind, its text, and where it begins in the whole."""

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


class UnclosedError(Exception):
    """What begins at ``start`` has no end."""

    def __init__(self, what: str, start: int) -> None:
        super().__init__(what)
        self.what, self.start = what, start


def tokens(sql: str) -> Iterator[Token]:
    """What is no space, in order. Raises UnclosedError.

    ``:name`` is a "mark", but in ``a[lo:hi]``, where the colon follows what it takes a slice of.
    """
    at, depth, before = 0, 0, None
    while found := _PATTERN.search(sql, at):
        token = _token(sql, found)
        if token.kind == MARK and depth and _is_operand(before, token.start):
            token = Token(SIGN, ":", token.start)
        elif token.text in ("[", "]"):
            depth = max(0, depth + (1 if token.text == "[" else -1))
        yield token
        at, before = token.end, token


def _token(sql: str, found: re.Match[str]) -> Token:
    start, kind = found.start(), found.lastgroup or LITERAL
    end = found.end()
    if kind == COMMENT and found[0] == "/*":
        end = _end_of_comment(sql, start)
    elif found["dollar"]:
        end = _end_of_dollars(sql, found["dollar"], start)
    elif kind == "open":
        raise UnclosedError("quote", start)
    return Token(SIGN if kind == "cast" else kind, sql[start:end], start)


def _end_of_comment(sql: str, start: int) -> int:
    """They nest."""
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge[0] == "/*" else -1
        if not depth:
            return edge.end()
    raise UnclosedError("comment", start)


def _end_of_dollars(sql: str, tag: str, start: int) -> int:
    end = sql.find(tag, start + len(tag))
    if end < 0:
        raise UnclosedError("quote", start)
    return end + len(tag)


def _is_operand(before: Token | None, start: int) -> bool:
    if before is None or before.end != start:
        return False
    return before.kind in _OPERANDS or before.text in (")", "]")
