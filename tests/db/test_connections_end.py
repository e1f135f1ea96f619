"""A thread's connection ends with its thread, whatever it has read."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from threading import Thread
from typing import Any
from weakref import ref

import pytest
from django.db import connections
from django.db.models.functions import TruncDay

from tests.db.shelf.models import Every, Stock
from unhurried.db import compiled, instances, rows
from unhurried.later._thread import close_all

pytestmark = pytest.mark.django_db(transaction=True)
by_number = compiled(
    lambda n: Every.objects.filter(number=n).annotate(start=TruncDay("moment")).order_by("pk")
)


@dataclass
class Day:
    day: date | None
    data__a: Any


READS: dict[str, Callable[[], Any]] = {
    "instances": lambda: instances(Every.objects.all()),
    "rows": lambda: rows(Every.objects.all(), Day),
    "compiled": lambda: by_number(1),
    "models of a file": lambda: Stock.objects.books(0),
    "a value of a file": lambda: [Stock.objects.newest(0)],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_it_is_given_back(read: Callable[[], Any]) -> None:
    alive: list[Any] = []

    def ask() -> None:
        try:
            list(read())
        finally:
            alive.append(ref(connections["default"]))
            close_all()

    for _ in range(3):
        thread = Thread(target=ask)
        thread.start()
        thread.join()
    del thread
    gc.collect()
    assert [each() for each in alive] == [None, None, None]
