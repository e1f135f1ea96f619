"""Where the literals of a statement are: as much of SQL's grammar as it takes never to miss one.

Databases disagree about what a quote is, and a lexer that is wrong about one quote takes all that
follows inside out. So each has its own pattern, and where even that can't tell (a backslash before
a quote means this or that by a setting of the server) the rest of the statement counts as literal.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

LITERAL, NAME, COMMENT, MARK, NUMBER = "literal", "name", "comment", "mark", "number"
Token = tuple[str, int, int]  # (kind, start, end); what lies between tokens is plain SQL

_EDGE: Final = r"(?<![\w$])"
#: A string that ends where it seems to; one whose quote has a backslash before it does not match.
_PLAIN: Final = r"'(?:[^'\\]|''|\\(?!'))*'(?!')"
_SIMPLE: Final = r"'(?:[^']|'')*(?:'|\Z)"  # where a backslash is a letter like any other
_ESCAPED: Final = r"'(?:[^'\\]|''|\\.)*(?:'|\Z)"
_DOLLAR: Final = rf"{_EDGE}\$(?P<tag>(?:[^\W\d]\w*)?)\$.*?(?:\$(?P=tag)\$|\Z)"
_PREFIX: Final = rf"(?:{_EDGE}(?:[bnx]|u&|_[a-z]\w*))?"
_NUMBER: Final = rf"(?P<number>{_EDGE}(?:\d|(?<![\w$.)\]])\.\d)(?:[\w.]|(?<=[eE])[+-](?=\d))*)"
_MARK: Final = r"%s|%\(\w+\)s|(?<![\w:]):\w+|(?<![\w$])\$\d+"
_BLOCK: Final = r"/\*.*?(?:\*/|\Z)"
_TO_LINE_END: Final = r"--[^\n]*"


def _pattern(*, comment: str, literal: str, name: str, mark: str = _MARK) -> re.Pattern[str]:
    parts = (
        f"(?P<comment>{comment})",
        f"(?P<literal>{literal}|{_DOLLAR})",
        f"(?P<name>{name})",
        f"(?P<mark>{mark})",
        _NUMBER,
    )
    return re.compile("|".join(parts), re.DOTALL | re.IGNORECASE)


_DOUBLE: Final = r'"(?:[^"]|"")*(?:"|\Z)'
_BACKTICK: Final = r"`(?:[^`]|``)*(?:`|\Z)"
_BRACKETS: Final = r"\[[^\]]*(?:\]|\Z)"
_MARKS_OF_SQLITE: Final = rf"{_MARK}|\?\d*|(?<![\w@])@\w+|(?<![\w$])\$\w+"
#: Whatever can't be read in one way only, to the end.
_UNCLEAR: Final = rf"{_PREFIX}'.*\Z"

SQLITE: Final = _pattern(
    comment=f"{_TO_LINE_END}|{_BLOCK}",
    literal=_PREFIX + _SIMPLE,
    name=f"{_DOUBLE}|{_BACKTICK}|{_BRACKETS}",
    mark=_MARKS_OF_SQLITE,
)
POSTGRESQL: Final = _pattern(
    comment=r"--[^\n\r]*|/\*",  # block comments nest: see ``_end_of_nested``
    literal=rf"{_EDGE}e{_ESCAPED}|(?<=ESCAPE )'\\'|{_PREFIX}{_PLAIN}|{_UNCLEAR}",
    name=rf"(?:{_EDGE}u&)?{_DOUBLE}",
)
MYSQL: Final = _pattern(
    comment=r"--(?=\s|\Z)[^\n]*|#[^\n]*|/\*(?!M?!).*?(?:\*/|\Z)",
    literal=(
        rf"/\*M?!.*\Z"  # a comment that is run: what is in it is code, and may hold strings
        rf"|{_PREFIX}{_PLAIN}|{_UNCLEAR}"
        r'|"(?:[^"\\]|""|\\(?!"))*\\".*\Z'  # as above, for the other quote
    ),
    name=f"{_DOUBLE}|{_BACKTICK}",
)
ORACLE: Final = _pattern(
    comment=f"{_TO_LINE_END}|{_BLOCK}",
    literal=(
        rf"{_EDGE}n?q'(?:\[.*?(?:\]'|\Z)|\{{.*?(?:\}}'|\Z)|\(.*?(?:\)'|\Z)|<.*?(?:>'|\Z)"
        rf"|(?P<quote>[^\s\[{{(<]).*?(?:(?P=quote)'|\Z))|{_PREFIX}{_SIMPLE}"
    ),
    name=_DOUBLE,
)
ANY: Final = _pattern(  # of a database nobody has told us about: whatever any of them may mean
    comment=f"{_TO_LINE_END}|{_BLOCK}",
    literal=f"{_PREFIX}{_PLAIN}|{_UNCLEAR}",
    name=f"{_DOUBLE}|{_BACKTICK}|{_BRACKETS}",
    mark=rf"{_MARK}|\?",
)
BY_VENDOR: Final = {
    "sqlite": SQLITE,
    "postgresql": POSTGRESQL,
    "mysql": MYSQL,
    "oracle": ORACLE,
}


def tokens(sql: str, vendor: str) -> Iterator[Token]:
    """What is no plain SQL, in order."""
    pattern, at = BY_VENDOR.get(vendor, ANY), 0
    while found := pattern.search(sql, at):
        kind, at = found.lastgroup or LITERAL, found.end()
        if kind == COMMENT and pattern is POSTGRESQL and found[0] == "/*":
            at = _end_of_nested(sql, at)
        yield kind, found.start(), at


_COMMENT_EDGE: Final = re.compile(r"/\*|\*/")


def _end_of_nested(sql: str, at: int) -> int:
    """The end of a block comment whose opening lies before ``at``."""
    depth = 1
    while found := _COMMENT_EDGE.search(sql, at):
        at = found.end()
        depth += 1 if found[0] == "/*" else -1
        if not depth:
            return at
    return len(sql)
