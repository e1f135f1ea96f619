"""A statement as a list of words, by the quoting of its database.

A word without quotes comes in small letters, a name in its (double) quotes, a literal as ``'`` and
what is in it, a placeholder as ``%s``, a number as ``0``; anything else is one character.
"""

from __future__ import annotations

import re
from typing import Final

from unhurried.queries.reading import ANY_LEXER, LEXERS, end_of_comment

MARK: Final = "%s"
NUMBER: Final = "0"
#: Behind the last word, so that looking ahead finds an end.
END: Final = ["", "", "", ""]


class UnclearError(Exception):
    """Here a quote may be read in more than one way, and with it all that follows."""


_LETTER: Final = r"[A-Za-z_\x80-\U0010ffff]"  # databases take whatever is not ASCII for a letter
_WORD: Final = rf"{_LETTER}[\w$\x80-\U0010ffff]*+"
_TAIL: Final = r"|(?P<bare>{word})|(?P<sign>[^\x00-\x20])"
#: What most of a statement is made of, tried first; a word before a quote may be its prefix.
_HEAD: Final = rf"(?P<word>{_WORD}(?!['\"&]))|(?P<plain>[(),;=]|%s)"
_NAMES: Final = r'|(?P<names>"[^"]*"(?:\."[^"]*")*+(?!"))'


def _pattern(lexer: re.Pattern[str], *, quotes: bool) -> re.Pattern[str]:
    """``quotes``: what is in double ones is a name, and nothing else is."""
    parts = _HEAD + (_NAMES if quotes else "") + "|" + lexer.pattern + _TAIL.format(word=_WORD)
    return re.compile(rf"[\x00-\x20]*+(?:{parts})", re.DOTALL | re.IGNORECASE)


_PATTERNS: Final = {name: _pattern(lexer, quotes=name != "mysql") for name, lexer in LEXERS.items()}
_OTHERS: Final = _pattern(ANY_LEXER, quotes=False)

_AS_THEY_ARE: Final = frozenset({"plain", "names", "sign"})
_BACKSLASH_IS_A_LETTER: Final = frozenset({"sqlite", "oracle"})
_CLEAN_NUMBER: Final = re.compile(
    r"0x[\da-f_]+|0o[0-7_]+|0b[01_]+|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d[\d_]*)?",
    re.IGNORECASE | re.ASCII,
)
_DOLLARS: Final = re.compile(r"(\$\w*\$).*\1", re.DOTALL)


def words(sql: str, vendor: str) -> list[str]:
    """All words, and some empty ones behind; raise ``UnclearError`` where a quote is unclear."""
    if "\ufeff" in sql:
        raise UnclearError("a byte order mark")  # SQLite takes it for a space, if a word begins so
    found: list[str] = []
    at: int | None = 0
    while at is not None:
        at = _words(sql, vendor, at, found)
    return found + END


def _words(sql: str, vendor: str, start: int, found: list[str]) -> int | None:
    """From ``start`` on; where to go on, if a comment ends elsewhere than its pattern says."""
    small = str.lower if sql.isascii() else _small
    add, size = found.append, len(sql)
    for match in _PATTERNS.get(vendor, _OTHERS).finditer(sql, start):
        kind = match.lastgroup or "literal"
        text = match[kind]
        if kind == "word" or kind == "bare":
            add(small(text))
        elif kind in _AS_THEY_ARE:
            add(text)
        elif kind != "comment":
            add(_special(kind, text, vendor, found, ends=match.end() == size))
        elif text == "/*" and vendor == "postgresql":  # they nest there
            return end_of_comment(sql, match.end())
    return None


def folded(name: str, vendor: str) -> str:
    """A table's name as its tag has it: quoted or not, only PostgreSQL tells apart what differs in
    nothing but ASCII capitals. (MySQL may, by its setting; two tables share a tag then.)
    """
    return name if vendor == "postgresql" else _small(name)


def _small(text: str) -> str:
    """In small letters, ASCII alone: databases leave the others as they are."""
    return "".join(each.lower() if each < "\x80" else each for each in text)


def _special(kind: str, text: str, vendor: str, found: list[str], *, ends: bool) -> str:
    if kind == "mark":
        return MARK
    if kind == "number":
        if not _CLEAN_NUMBER.fullmatch(text):
            raise UnclearError(f"the number {text[:20]}")  # "1FROM t" is two words to some servers
        return NUMBER
    if kind == "name":
        return _name(text, ends=ends)
    if text == "'\\'" and found[-1:] == ["escape"]:
        return "'\\"  # what Django writes behind each LIKE
    return _literal(text, vendor, ends=ends)


def _name(text: str, *, ends: bool) -> str:
    opening, closing = text[0], text[-1]
    if opening in "uU":
        raise UnclearError("a name with escapes")
    if ends and (len(text) < 2 or closing != {"[": "]"}.get(opening, opening)):
        raise UnclearError("a name without its closing quote")
    if ends and opening == closing and text.count(opening) % 2:
        raise UnclearError("a name without its closing quote")
    inner = text[1:-1]
    if opening != "[":
        inner = inner.replace(opening * 2, opening)
    return '"' + inner.replace('"', '""') + '"'


def _literal(text: str, vendor: str, *, ends: bool) -> str:
    if text[0] == "$":
        if vendor != "postgresql" or (ends and not _DOLLARS.fullmatch(text)):
            raise UnclearError("dollar quotes")
        return "'" + text
    if text[0] == "/":
        raise UnclearError("a comment that is run")
    backslash = "\\'" in text and vendor not in _BACKSLASH_IS_A_LETTER
    if ends and (text[-1] != "'" or text.count("'") % 2 or backslash):
        raise UnclearError("a string without its closing quote")
    if text[0] == "'":
        return text[:-1]
    return "' " + text  # a prefix: no name even where a string may be one


_PARTS: Final = re.compile(r'"((?:[^"]|"")*)"')


def parts_of(name: str) -> list[str]:
    """``"a"."b"`` as its parts."""
    return [part.replace('""', '"') for part in _PARTS.findall(name)]


def is_word(word: str) -> bool:
    """Whether it is a word without quotes."""
    first = word[:1]
    return first.isalpha() or first == "_" or first > "\x7f"
