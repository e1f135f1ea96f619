"""The statements that add: few, and in an order in which nobody waits for us in a circle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, Final

from django.db import connections
from django.db.models import BigIntegerField, Case, F, Value, When
from django.db.models.functions import Coalesce

from .._outbox._tables import all_rows
from ._counts import Row

CHUNK: Final = 200  # rows of an UPDATE: more save little CPU, and cost WAL
LOCKED: Final = 2000  # rows of a SELECT … FOR UPDATE


def update(model: Any, alias: str, rows: list[Row]) -> int:
    """Add; how many of the rows are not there any more."""
    present = _locked(model, alias, rows)
    orphaned = 0
    for field, by_pk in _by_field(rows).items():
        pks = [pk for pk in by_pk if present is None or pk in present]
        orphaned += len(by_pk) - len(pks)
        for chunk in _chunks(pks, CHUNK):
            found = all_rows(model, alias).filter(pk__in=chunk)
            ns = {pk: by_pk[pk] for pk in chunk}
            orphaned += len(chunk) - found.update(**{field: _sum(model, field, ns)})
    return orphaned


def _by_field(rows: Iterable[Row]) -> dict[str, dict[Any, int]]:
    found: dict[str, dict[Any, int]] = {}
    for pk, field, n in rows:
        found.setdefault(field, {})[pk] = n
    return found


def _locked(model: Any, alias: str, rows: list[Row]) -> set[Any] | None:
    """Lock them in the order of their keys, which an IN does not; those that are there.

    None where that is not needed: one row alone, or a database that locks as a whole. Weaker than
    FOR UPDATE where there is such a thing: who inserts what refers to a row need not wait.
    """
    pks = list(dict.fromkeys(row.pk for row in rows))
    features = connections[alias].features
    if len(pks) == 1 or not features.has_select_for_update:
        return None
    found: set[Any] = set()
    for chunk in _chunks(pks, LOCKED):
        there = all_rows(model, alias).filter(pk__in=chunk).order_by("pk")
        locking = there.select_for_update(no_key=features.has_select_for_no_key_update)
        found.update(locking.values_list("pk", flat=True))
    return found


def _sum(model: Any, field: str, ns: dict[Any, int]) -> Any:
    """``field + n``; NULL counts as 0. Where the n differ, one CASE with a branch for each n."""
    old: Any = F(field)
    if model._meta.get_field(field).null:
        old = Coalesce(old, Value(0))
    common, *others = [n for n, _ in Counter(ns.values()).most_common()]
    if not others:
        return old + common
    branches = [
        When(pk__in=[pk for pk, n in ns.items() if n == other], then=_number(other))
        for other in others
    ]
    return old + Case(*branches, default=_number(common))


def _number(n: int) -> Value:
    return Value(n, output_field=BigIntegerField())


def _chunks(items: list[Any], size: int) -> Iterator[list[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
