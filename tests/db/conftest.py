"""Rows for the querysets of ``querysets.py``."""

from __future__ import annotations

import datetime
import uuid
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction

from tests.db.shelf.models import Every, Filled, Restaurant, Shelf, Tree
from tests.queries.corpus import data


@pytest.fixture(scope="module")
def filled(django_db_setup: Any, django_db_blocker: Any) -> Any:
    """Rows for all of this module's tests, taken back at its end."""
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
