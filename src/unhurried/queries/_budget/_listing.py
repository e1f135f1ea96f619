"""Statements as a person reads them in a message: how often, from where, what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db import DEFAULT_DB_ALIAS

from unhurried.measure.reading import OTHER, Record

from .._find._counting import Queries, groups
from .._live._sight import Sighting
from .._sql._fingerprint import fingerprint
from .._sql._vendor import vendor

SHOWN: Final = 20  # statements of one message
WIDTH: Final = 240  # characters of a statement in it
LINES: Final = 3  # lines of one statement


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement: where it was sent, how often, by which lines, most frequent first."""

    alias: str
    sql: str
    count: int
    lines: tuple[str, ...] = ()

    def __str__(self) -> str:
        at = f" at {', '.join(self.lines[:LINES])}" if self.lines else ""
        to = f" ({self.alias})" if self.alias not in (DEFAULT_DB_ALIAS, "") else ""
        return f"{self.count} x{at}{to}: {one_line(self.sql)[:WIDTH]}"


def asked(queries: Queries) -> list[Asked]:
    """What was counted, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    lines: dict[tuple[str, str], Counter[str]] = {}
    for group in groups(queries):
        key = group.alias, one_line(group.fingerprint)
        counts[key] += group.count
        if group.loop is not None:
            lines.setdefault(key, Counter())[group.loop.label] += group.count
    return [
        Asked(*key, count, tuple(line for line, _ in lines.get(key, Counter()).most_common()))
        for key, count in counts.most_common()
    ]


def asked_of(record: Record, using: str | None = None) -> list[Asked]:
    """What a unit of work asked, most frequent first; lines where production has seen a repeat."""
    statements = [s for s in record.statements.values() if using in (None, s.alias)]
    return [
        Asked(
            seen.alias,
            OTHER if seen.sql == OTHER else one_line(fingerprint(seen.sql, vendor(seen.alias))),
            seen.count,
            (seen.note.loop,) if isinstance(seen.note, Sighting) else (),
        )
        for seen in sorted(statements, key=lambda seen: -seen.count)
    ]


def listed(lines: Iterable[object], indent: str = "  ") -> str:
    """One below the other; what is too much is only counted."""
    texts = [f"{indent}{line}" for line in lines]
    rest = len(texts) - SHOWN
    return "\n".join(texts[:SHOWN] + ([f"{indent}and {rest} more"] if rest > 0 else []))


def one_line(text: object) -> str:
    return " ".join(str(text).split())


def queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"
