"""``instances``, ``rows`` and ``compiled`` give what the ORM gives, over many querysets."""

from __future__ import annotations

import datetime
import uuid
from dataclasses import make_dataclass
from decimal import Decimal
from typing import Any

import pytest
from django.db.models import Model

from tests.db.querysets import CASES
from tests.db.shelf.models import Every, Filled, Restaurant, Shelf, Tree
from tests.queries.corpus import data
from unhurried.db import compiled, instances, rows

pytestmark = pytest.mark.django_db
NAMES = [case.name for case in CASES]


@pytest.fixture(scope="module")
def filled(django_db_setup: Any, django_db_blocker: Any) -> Any:
    """Rows for all of this module's tests, taken back at its end."""
    from django.db import transaction

    with django_db_blocker.unblock(), transaction.atomic():
        data.fill()
        _fill_every()
        yield
        transaction.set_rollback(True)


def _fill_every() -> None:
    left, right = (Shelf.objects.create(name=name) for name in ("left", "right"))
    noon = datetime.datetime(2026, 3, 1, 12, 30, 1, 123456, tzinfo=datetime.UTC)
    Every.objects.create(
        number=1,
        big=2**60,
        char="it's",
        text="x\ty\\z",
        flag=True,
        ratio=0.1,
        price=Decimal("1.25"),
        moment=noon,
        day=noon.date(),
        hour=noon.time(),
        took=datetime.timedelta(days=1, microseconds=5),
        key=uuid.UUID("12345678123456781234567812345678"),
        raw=b"\0\xff",
        data={"a": 1, "b": [None]},
        address="127.0.0.1",
        shout="hey",
        shelf=left,
        other=right,
        odd=5,
        file="a/b.txt",
    )
    Every.objects.create(
        number=2,
        text="'",
        flag=False,
        ratio=1.0,
        price=Decimal("2"),
        data={"a": "x", "'%s\"": 1},
        moment=noon.replace(microsecond=0),
        day="2026-03-02",
        hour="23:59:59",
        shelf=left,
        took=datetime.timedelta(seconds=61),
        address="::1",
        odd=5,
    )
    Every.objects.create(data=[1], shelf=right)
    Every.objects.create()
    Filled.objects.create(name="one", note="")
    Restaurant.objects.create(name="one", stars=2, pizza=True)
    root = Tree.objects.create(name="root")
    Tree.objects.create(name="leaf", parent=root)


def image(value: Any, seen: frozenset[int] = frozenset()) -> Any:
    """All that there is of an instance: attributes in order, state, what is loaded beside it."""
    if isinstance(value, list):
        return [image(each, seen) for each in value]
    if not isinstance(value, Model):
        return (type(value), value if value == value else "nan")
    if id(value) in seen:
        return "seen"
    seen |= {id(value)}
    state = value._state
    beside = {name: image(each, seen) for name, each in state.fields_cache.items()}
    own = {
        name: image(each, seen)
        for name, each in value.__dict__.items()
        if name not in ("_state", "_prefetched_objects_cache")
    }
    fetched = {
        name: image(list(each), seen)
        for name, each in getattr(value, "_prefetched_objects_cache", {}).items()
    }
    mode = getattr(state, "fetch_mode", None)
    return (type(value), list(own.items()), state.db, state.adding, mode, beside, fetched)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_instances_are_the_querysets(case: Any, filled: Any) -> None:
    for args in case.calls:
        wanted = [image(each) for each in case.build(*args)]
        assert [image(each) for each in instances(case.build(*args))] == wanted
        if "prefetch" not in case.name and not case.build(*args).query.combinator:
            assert [image(each) for each in instances(case.build(*args)).iterator(2)] == wanted


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_compiled_gives_what_the_queryset_gives(case: Any, filled: Any) -> None:
    handle = compiled(case.build)
    for _ in range(2):
        for args in case.calls:
            wanted = [image(each) for each in case.build(*args)]
            assert [image(each) for each in handle(*args)] == wanted


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_rows_are_the_values(case: Any, filled: Any) -> None:
    for args in case.calls:
        queryset = case.build(*args)
        names = [field.attname for field in queryset.model._meta.concrete_fields]
        names += list(queryset.query.annotations)
        kind = make_dataclass("Row", names)
        wanted = [image(list(each)) for each in case.build(*args).values_list(*names)]
        found = rows(queryset, kind)
        assert [image([getattr(each, name) for name in names]) for each in found] == wanted


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 200
    assert len(set(NAMES)) == len(CASES)
