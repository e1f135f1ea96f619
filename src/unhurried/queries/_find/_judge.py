"""From what was counted to what a person is told: kinds, merging, order.

A relation read on different instances is an n+1, even where the parameters are equal (all books of
one author); read again on the same instance, or the same statement with the same parameters sent
again with no write in between, it is a duplicate. Batches, chunks, prefetches and single rows are
neither.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from .._sql._reads import bare
from . import _remedies
from ._finding import DUPLICATE, N_PLUS_ONE, Finding
from ._frames import Walk
from ._groups import Group, Read
from ._origin import Origin, Roots

_VALUE: Final = r"(?:%s|\?|:\w+|%\(\w+\)s|\$\d+|'[^']*'|-?\d+)"
_EQUAL: Final = re.compile(rf"[^<>!=]=\s*{_VALUE}|\bIN\s*\(\s*{_VALUE}\s*\)", re.IGNORECASE)
_RANGE: Final = re.compile(
    rf"\bBETWEEN\b|[<>]=?\s*{_VALUE}|\bIN\s*\(\s*{_VALUE}\s*,", re.IGNORECASE
)
_WRITES: Final = ("INSERT", "UPDATE", "DELETE")
_BULK: Final = ("bulk_create", "bulk_update")
_LIMIT_ONE: Final = re.compile(
    r"\bLIMIT 1(?: OFFSET \d+)?\s*$|\bFETCH (?:FIRST|NEXT) 1 ROWS? ONLY\s*$"
)
_ROW: Final = ("get", "first", "last", "earliest", "latest")
_SINGLE: Final = ("exists", "count")


@dataclass(frozen=True, slots=True)
class CountedStatement:
    """One statement of a block: ``count`` round trips, ``rows`` where the driver knows them.

    ``seconds`` executing; ``fetch`` seconds fetching, seen on SQLite and server-side cursors;
    ``lines`` of the project it came from, most frequent first.
    """

    sql: str
    alias: str
    count: int
    rows: int | None
    seconds: float
    fetch: float
    lines: tuple[str, ...]


def findings(
    groups: list[Group],
    repeated: Counter[tuple[Any, ...]],
    duplicates: dict[tuple[Any, ...], Group],
    roots: Roots,
) -> list[Finding]:
    """All findings, those with most queries first."""
    told: set[int] = set()
    found = []
    for group in _merged(groups):
        parts = [group] if group.verb is None else group.parts
        if any(is_n_plus_one(part) for part in parts):
            found.append(_remedies.describe(N_PLUS_ONE, group))
            told.update(map(id, group.parts))
    found += _duplicated(repeated, duplicates, told)
    found += _unused(roots, groups)
    return sorted(_once(found), key=lambda finding: -finding.count)


def _once(found: Iterable[Finding]) -> list[Finding]:
    """What two requests in one block do at one line is told once."""
    known: dict[tuple[object, ...], Finding] = {}
    for each in found:
        statement = each.fingerprint if each.relation is None else None
        key = (each.kind, each.alias, each.relation, statement, each.path, each.loop, each.origin)
        first = known.setdefault(key, each)
        if first is not each:
            first.count += each.count
            first.instances += each.instances
            first.seconds += each.seconds
    return list(known.values())


def _merged(groups: list[Group]) -> list[Group]:
    """One line with one answer is one finding: by several ways, in several statements or requests.

    A loop may lead through many callers that each ask once; saving, creating and deleting send
    several statements; a generic key asks each of its tables.
    """
    together: dict[tuple[object, ...], Group] = {}
    # What a line asks for by the key of a row at hand, it asks for so each time.
    plain = {(group.loop, group.fingerprint) for group in groups if _is_plain(group)}
    for group in groups:
        if group.loop is None or group.prefetch:
            continue
        alone = group.alone()
        if group.read.keyed and (group.loop, group.fingerprint) in plain:
            alone.read, alone.instances = Read(Walk()), set()  # the keys were equal by chance
        key = (group.alias, group.loop, group.unit, *_answer(alone))
        if key in together:
            together[key].absorb(alone)
        else:
            together[key] = alone
    return list(together.values())


def _is_plain(group: Group) -> bool:
    read = group.read
    return not (group.verb or group.prefetch or read.relation or read.keyed)


def _answer(group: Group) -> tuple[object, ...]:
    origin, named = group.read.origin, group.read.relation
    if group.verb is not None:
        return (group.verb,)
    if named is None:
        return group.fingerprint, origin and origin.site
    if origin is None:
        return (named.label,)
    path = tuple(step for step in origin.path if step != named.attribute)
    group.recursive |= path != origin.path
    return named.label, origin.site, origin.model, path


def is_n_plus_one(group: Group) -> bool:
    """Whether these statements are one per row of something."""
    if group.count < 2 or group.prefetch:
        return False
    if group.read.relation is not None:
        return len(group.instances) > 1
    if len(group.instances) > 1 and group.reads:
        return True
    if not group.again:  # library code asked here and there, and went round nothing
        return False
    if not group.reads:
        return not group.many and writes_rows(group.sql, group.verb)
    if len(group.parameters) < 2 and len(group.texts) < 2:
        return len(group.offsets) > 1  # qs[i] in a loop
    return asks_for_one(group.sql, group.method)


def writes_rows(sql: str, verb: str | None) -> bool:
    """Whether a statement writes row by row what others write at once."""
    if bare(sql)[:6].upper() not in _WRITES or _RANGE.search(sql.partition(" WHERE ")[2]):
        return False
    return verb not in _BULK or (verb == "bulk_create" and "), (" not in sql)


def asks_for_one(sql: str, method: str | None) -> bool:
    """By equality, or for one answer: ranges and lists of many are batches."""
    if method in _ROW or (method is None and _LIMIT_ONE.search(sql)):
        return True
    _, where, conditions = sql.partition(" WHERE ")
    if not where or _RANGE.search(conditions):
        return False
    return method in _SINGLE or bool(_EQUAL.search(conditions))


def _duplicated(
    repeated: Counter[tuple[Any, ...]], duplicates: dict[tuple[Any, ...], Group], told: set[int]
) -> Iterator[Finding]:
    lines: dict[tuple[object, ...], Finding] = {}
    for key, group in duplicates.items():
        if id(group) in told or group.loop is None:
            continue
        place = (group.alias, group.fingerprint, group.loop)
        if place in lines:
            lines[place].count += repeated[key]
        else:
            lines[place] = _remedies.describe(DUPLICATE, group, count=repeated[key])
    yield from lines.values()


def _unused(roots: Roots, groups: list[Group]) -> Iterator[Finding]:
    """Relations loaded ahead that nobody read, or only to ask the database anew."""
    seen: dict[tuple[Any, ...], list[Any]] = {}
    for root in roots.values():
        for origin in _all(root):
            for name, load in origin.eager.items():
                key = (origin.site, origin.model, origin.path, name)
                known = seen.setdefault(key, [origin, load.how, 0, 0])
                known[2] += load.loaded
                known[3] += load.reads
    for (*_, name), (origin, how, loaded, reads) in seen.items():
        if loaded > 1 and origin.site is not None and reads <= _asked(groups, origin, name):
            yield _remedies.unused(origin, name, how, loaded)


def _asked(groups: list[Group], origin: Origin, name: str) -> int:
    """Queries for what was there: ``.filter()`` on a prefetched relation asks again."""
    return sum(
        group.count
        for group in groups
        if group.read.relation is not None
        and group.read.relation.attribute == name
        and group.read.origin is not None
        and (group.read.origin.site, group.read.origin.path) == (origin.site, origin.path)
    )


def _all(origin: Origin) -> Iterable[Origin]:
    yield origin
    for kid in origin.kids.values():
        yield from _all(kid)


def statements(groups: Iterable[Group]) -> list[CountedStatement]:
    """What was sent, by alias and fingerprint, the longest first."""
    together: dict[tuple[str, str], list[Group]] = {}
    for group in groups:
        together.setdefault((group.alias, group.fingerprint), []).append(group)
    counted = [_counted(*key, parts) for key, parts in together.items()]
    return sorted(counted, key=lambda statement: -(statement.seconds + statement.fetch))


def _counted(alias: str, sql: str, parts: list[Group]) -> CountedStatement:
    lines: Counter[str] = Counter()
    for part in parts:
        if part.loop is not None:
            lines[part.loop.label] += part.count
    rows = sum(part.rows for part in parts)
    return CountedStatement(
        sql=sql,
        alias=alias,
        count=sum(part.count for part in parts),
        rows=rows or None,
        seconds=sum(part.ns for part in parts) / 1e9,
        fetch=sum(part.fetch for part in parts) / 1e9,
        lines=tuple(line for line, _ in lines.most_common()),
    )
