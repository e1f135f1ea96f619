"""Run by ``test_db_postgres.py``, under the settings ``tests.services.contrib_shelf.settings``."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from psycopg.types.range import Range

from tests.services.contrib_shelf.models import Contrib
from unhurried.db import CopyError, bulk_copy, instances

pytestmark = pytest.mark.django_db
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
moments = st.datetimes(
    datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1), timezones=st.just(datetime.UTC)
)
dates = st.dates(datetime.date(1900, 1, 1), datetime.date(2100, 1, 1))
decimals = st.decimals(-(10**6), 10**6, places=2)
documents = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
)


def lists(of: Any, most: int = 4) -> Any:
    return st.lists(st.none() | of, max_size=most)


def ranges(of: Any) -> Any:
    """As Django takes them: a pair, or psycopg's; open at either end, empty."""
    ends = st.tuples(of, of).map(sorted)
    bounds = st.sampled_from(["[)", "(]", "[]", "()"])
    closed = st.tuples(ends, bounds).map(lambda each: Range(*each[0], each[1]))
    half = of.map(lambda low: Range(low, None)) | of.map(lambda high: Range(None, high))
    return ends.map(tuple) | closed | half | st.just(Range(empty=True))


FIELDS: dict[str, Any] = {
    "numbers": lists(st.integers(-(2**31), 2**31 - 1)),
    "words": st.integers(0, 3).flatmap(
        lambda width: st.lists(st.lists(texts, min_size=width, max_size=width), max_size=3)
    ),
    "moments": lists(moments),
    "days": lists(dates),
    "prices": lists(decimals),
    "keys": lists(st.uuids()),
    "raws": lists(st.binary(max_size=8)),
    "documents": st.lists(documents, max_size=3),
    "flags": lists(st.booleans(), 3),
    "store": st.dictionaries(texts, st.none() | texts, max_size=3),
    "whole": ranges(st.integers(-(2**30), 2**30)),
    "big": ranges(st.integers(-(2**60), 2**60)),
    "exact": ranges(decimals),
    "when": ranges(moments),
    "day": ranges(dates),
}


def stored() -> list[Any]:
    """As PostgreSQL itself writes it."""
    columns = ", ".join(f'"{name}"::text' for name in FIELDS)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM contrib_shelf_contrib ORDER BY id")
        found: list[Any] = cursor.fetchall()
    return found


@given(rows=st.lists(st.fixed_dictionaries({}, optional=FIELDS), min_size=1, max_size=3))
@settings(
    deadline=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_is_stored_is_what_bulk_create_stores(rows: list[dict[str, Any]]) -> None:
    def outcome(store: Callable[[], Any]) -> Any:
        try:
            with transaction.atomic():
                store()
                every = Contrib.objects.order_by("pk")
                found = stored(), read(every), read(instances(every))
                transaction.set_rollback(True)
        except (DatabaseError, TypeError, ValueError, CopyError):
            return ("refused",)
        return found

    theirs = outcome(lambda: Contrib.objects.bulk_create([Contrib(**row) for row in rows]))
    assert outcome(lambda: bulk_copy(Contrib, rows)) == theirs
    if theirs[0] != "refused":
        assert theirs[1] == theirs[2]
        event("stored")


def read(rows: Iterable[Contrib]) -> list[Any]:
    """What instances have, without their keys."""
    return [[bare(getattr(row, name)) for name in FIELDS] for row in rows]


def bare(value: Any) -> Any:
    if isinstance(value, list):
        return [bare(each) for each in value]
    return bytes(value) if isinstance(value, memoryview) else value
