"""A statement without what it was about: what may be stored, and by which repeats are known."""

from __future__ import annotations

import re
from hashlib import blake2s
from typing import Any, Final

from ._lexer import COMMENT, LITERAL, MARK, NAME, NUMBER, tokens
from ._names import is_known

MARKED: Final = "%s"
LONGEST: Final = 1000  # characters of a fingerprint; of longer ones the middle is left out
READ: Final = 20_000  # characters of a statement that are looked at, once its lists are folded
MEMO: Final = 4096  # statements remembered
WORTH: Final = 2048  # characters up to which a statement is remembered as it came
NAMED: Final = frozenset({"postgresql", "oracle"})  # where a quoted word is a name, always

_memo: dict[tuple[str, str], str] = {}

_SPACE: Final = re.compile(r"\s+")
_MARKS: Final = re.compile(r"\((?:%s, *){3,}%s\)")
_TUPLES: Final = re.compile(r"(\((?:%s, *)*%s\))(?:, *\1)+")
_ALIAS: Final = re.compile(r"\bAS\s+\Z", re.IGNORECASE)
_IN: Final = re.compile(r"\bIN \( ?(?:-?%s|NULL)(?: ?, ?(?:-?%s|NULL))* ?,? ?(?:\)|\Z)", re.I)
_TUPLE: Final = r"\((?:[^()]|\([^()]*\))*\)"
_VALUES: Final = re.compile(rf"(\bVALUES ?{_TUPLE})(?: ?, ?{_TUPLE})+(?: ?, ?\([^()]*\Z)?", re.I)
#: What a driver adds to a value that it writes into the text, and what is a value only there.
_CAST: Final = re.compile(r'%s(?: ?:: ?(?:"[^"]*"|[a-z_]\w*)(?:\[\])*)+', re.I)
_WORDS: Final = re.compile(r"\b(?:NULL|TRUE|FALSE)\b", re.I)
_ARRAY: Final = re.compile(r"\bARRAY ?\[(?:%s(?:, ?%s)*)?\]", re.I)
_ONE: Final = re.compile(r"\bIN %s", re.I)  # psycopg2 makes a list of a tuple
_PART: Final = re.compile(r"\bEXTRACT\((?:\w+|%s) FROM\b", re.I)  # of a date: a value to PostgreSQL
_BLANKS: Final = re.compile(r"  +")
_TIGHT: Final = re.compile(r" ?([(),…]) ?")
_SAVEPOINT: Final = re.compile(r"\b(SAVEPOINT|ROLLBACK TO(?: SAVEPOINT)?|RELEASE)\b.*", re.I)
_STARTS: Final = ("SAVEPOINT", "ROLLBACK", "RELEASE")


def fingerprint(sql: Any, vendor: str) -> str:
    """One line without literals, comments and lengths of lists; ``%s`` for every placeholder.

    ``sql`` as the cursor got it: a str, bytes, or something of the driver's own (psycopg's
    ``Composable``). ``vendor`` is ``connection.vendor``. At most 1,000 characters.
    """
    text = sql if type(sql) is str else _as_text(sql)
    if len(text) > WORTH:  # a long list is a long text: shorten first what will be anyway
        text = _fold(text)[:READ]
    found = _memo.get((text, vendor))
    if found is None:
        found = _shortened(_scrubbed(text, vendor))
        if len(text) <= WORTH:
            _remember(text, vendor, found)
    return found


def _remember(text: str, vendor: str, found: str) -> None:
    if len(_memo) >= MEMO:
        _memo.clear()  # what is busy is back at once
    _memo[text, vendor] = found


def _as_text(sql: Any) -> str:
    if isinstance(sql, bytes | bytearray):
        return sql.decode("utf-8", "replace")
    if isinstance(sql, str):
        return str(sql)
    try:
        return str(sql.as_string(None))  # psycopg's Composable, literals and all
    except Exception:  # boundary: the driver's, or whoever's, and what it says may be a literal
        return f"({type(sql).__name__})"


def _fold(text: str) -> str:
    """Long lists of placeholders made short: what is left out holds neither quote nor line end."""
    return _TUPLES.sub(r"\1, \1", _MARKS.sub("(%s, %s)", text))


def _scrubbed(text: str, vendor: str) -> str:
    pieces: list[tuple[str | None, str]] = []
    at = 0
    aliases: set[str] = set()
    for kind, start, end in tokens(text, vendor):
        between = text[at:start]
        pieces.append((None, between))
        if kind == NAME and _ALIAS.search(between):
            aliases.add(_word(text[start:end]))
        pieces.append((kind, text[start:end]))
        at = end
    pieces.append((None, text[at:]))
    return _tidy("".join(_shown(kind, piece, vendor, aliases) for kind, piece in pieces))


def _shown(kind: str | None, piece: str, vendor: str, aliases: set[str]) -> str:
    if kind is None:
        return piece
    if kind in (LITERAL, MARK, NUMBER):
        return MARKED
    if kind == COMMENT:
        return " "
    if vendor in NAMED and len(piece) > 1 and piece[-1] == '"':
        return piece
    word = _word(piece)
    return piece if word in aliases or is_known(word) else MARKED


def _word(quoted: str) -> str:
    """The name in its quotes; an empty string where the closing one is missing."""
    return quoted[1:-1] if len(quoted) > 2 and quoted[-1] in '"`]' else ""


def _tidy(text: str) -> str:
    text = _SPACE.sub(" ", text).strip().rstrip("; ")
    if text[:9].upper().startswith(_STARTS):
        text = _SAVEPOINT.sub(r"\1", text)
    return _VALUES.sub(r"\1, …", _IN.sub("IN (…)", text))


def canonical(text: str) -> str:
    """The same for a text with placeholders and for one with values and their types written in."""
    text = _WORDS.sub("%s", _BLANKS.sub(" ", text.replace("%%", "%")))
    text = _PART.sub("EXTRACT(%s FROM", _CAST.sub("%s", text))
    return _TIGHT.sub(r"\1", _IN.sub("IN (…)", _ONE.sub("IN (…)", _ARRAY.sub("%s", text))))


def _shortened(text: str) -> str:
    """The middle left out: columns are many there, tables and conditions stand at the end."""
    if len(text) <= LONGEST:
        return text
    whole = canonical(text).encode("utf-8", "replace")
    mark = f" … #{blake2s(whole, digest_size=6).hexdigest()}"
    return f"{text[:300]} … {text[-(LONGEST - 303 - len(mark)) :]}{mark}"
