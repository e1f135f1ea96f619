"""Which route and line of the site ask a statement: what rule 4 has seen, by its text."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from django.db import connections

from unhurried.measure.reading import OTHER, SightingRow, StatementRow, StoreError, is_control, told
from unhurried.queries.reading import cursor, key, key_of_postgresql

LINE, CONTROL, SETUP, KEYS, CATALOGUE, UNTIED = (
    *("line", "transaction control", "connection set-up", "foreign key checks"),
    *("the catalogue", "elsewhere"),
)
_SETUP: Final = re.compile(
    r"(?:SET|SHOW|RESET|DISCARD|LISTEN|UNLISTEN|DEALLOCATE)\b|SELECT (?:pg_catalog\.)?set_config\(",
    re.I,
)
#: Of the triggers that PostgreSQL itself makes for a foreign key; they run at COMMIT.
_KEYS: Final = re.compile(r"SELECT .* FROM ONLY .* OPERATOR\(pg_catalog\.=\) ", re.DOTALL)
_TABLES: Final = re.compile(r'\b(?:FROM|JOIN|INTO|UPDATE) +(?:ONLY +)?("?[\w."]+)', re.I)
_SYSTEM: Final = re.compile(r'"?(?:pg_\w+|information_schema)\b')
#: Functions that read it, and whoever looks where names lead: our cache does, as others do.
_READS: Final = re.compile(r"SELECT (?:unnest\()?(?:current_schemas?\(|pg_\w+\()", re.I)
_ENDS: Final = re.compile(r"(?:CLOSE|ABORT)\b", re.I)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a statement is asked. ``share`` of the time it takes, from 0 to 1, by our own clock."""

    route: str
    line: str
    share: float
    kind: str = "request"
    loops: bool = False
    each: float = 0.0  # times in each request that asks it

    @property
    def label(self) -> str:
        """As people are shown a route, with its leading slash."""
        plain = self.kind == "request" and not self.route.startswith("(")
        return f"/{self.route}" if plain else self.route


class Ties:
    """Statements of one alias by their key, each with the places that ask it."""

    def __init__(
        self, rows: Iterable[StatementRow], sightings: Iterable[SightingRow], trouble: str = ""
    ) -> None:
        self.trouble = trouble
        self._rows: dict[str, list[StatementRow]] = defaultdict(list)
        self._loops = {(each.unit, each.sql, each.loop) for each in sightings}
        for row in rows:
            if row.sql != OTHER:
                self._rows[key(row.sql)].append(row)

    @classmethod
    def of(cls, alias: str) -> Ties:
        """What the store knows; nothing, and why, where it can't be read."""
        try:
            rows, sightings = told()
        except StoreError as error:
            return cls([], [], f"{error} {error.hint}")
        same = {each for each in connections if _server(each) == _server(alias)}
        return cls([row for row in rows if row.alias in same], sightings)

    def __len__(self) -> int:
        return len(self._rows)

    def places(self, text: str) -> list[Place]:
        """Those that ask a text of PostgreSQL's, the dearest first."""
        return self.places_of(key_of_postgresql(text))

    def places_of(self, known: str) -> list[Place]:
        rows = self._rows.get(known, [])
        total = sum(row.time for row in rows) or 1
        found = [
            self._place(row, line, share * row.time / total)
            for row in rows
            for line, share in row.lines.items()
        ]
        return sorted(found, key=lambda place: (-place.share, place.route, place.line))

    def _place(self, row: StatementRow, line: str, share: float) -> Place:
        kind, route = row.unit
        loops = (row.unit, row.sql, line) in self._loops
        return Place(route, line, share, kind, loops, row.count / max(row.requests, 1))


def _server(alias: str) -> tuple[Any, ...]:
    """Two aliases may lead to one database, as where a second one has other options."""
    settings = connections[alias].settings_dict
    return tuple(settings.get(name) for name in ("ENGINE", "HOST", "PORT", "NAME"))


def kind_of(text: str) -> str:
    """What a statement is that no line of the site's asks."""
    text = text.strip()
    if is_control(text) or _ENDS.match(text):
        return CONTROL
    if _SETUP.match(text):
        return SETUP
    if _KEYS.match(text):
        return KEYS
    tables = _TABLES.findall(text)
    system = tables and all(map(_SYSTEM.match, tables))
    return CATALOGUE if system or (not tables and _READS.match(text)) else UNTIED


class Cursors:
    """Server-side cursors: what is fetched from one belongs to the query it was declared for."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._keys: dict[str, str] = {}
        for text in texts:
            name = cursor(text)
            if name is not None and text.lstrip()[:7].upper() == "DECLARE":
                self._keys[name] = key_of_postgresql(text)

    def key(self, text: str) -> str:
        """That of a text, or of the query that it fetches from."""
        name = cursor(text)
        return self._keys.get(name or "") or key_of_postgresql(text)
