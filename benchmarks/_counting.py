"""What ``count_queries`` costs per query and per row, without and with following instances.

CPU time of the thread, rounds of *off*, *off again*, *counted* and *tracked* in random order, the
difference to the mean of the two *off* of the round, medians, the A/A beside them.
"""

from __future__ import annotations

import gc
import random
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any


def main(seconds: float) -> None:
    from unhurried.queries import count_queries

    arms = {
        "off": nullcontext,
        "again": nullcontext,
        "counted": lambda: count_queries(track=False),
        "tracked": count_queries,
    }
    print(f"\nCPU of count_queries(){'counted':>17}{'and tracked':>14}{'A/A':>10}")
    with rows():
        slope("per query, one line", arms, ask, (20, 220), seconds)
        slope("per row of a queryset", arms, read, (100, 1100), seconds)
        ratio("page of 100 joined rows", arms, joined, seconds)
        ratio("page of 100 rows, n+1", arms, looped, seconds)


@contextmanager
def rows() -> Iterator[None]:
    from django.db import transaction

    from tests.queries.corpus.models import Book
    from tests.queries.corpus.run import filled

    with filled(), transaction.atomic():
        made = [
            Book(title=f"{i}", year=i, author_id=i % 8 + 1, publisher_id=1) for i in range(1200)
        ]
        Book.objects.bulk_create(made)
        yield


def ask(n: int) -> None:
    from tests.queries.corpus.models import Author

    for _ in range(n):
        Author.objects.get(pk=1)


def read(n: int) -> None:
    from tests.queries.corpus.models import Book

    list(Book.objects.all()[:n])


def joined(n: int) -> None:
    from tests.queries.corpus.models import Book

    for book in Book.objects.select_related("author")[:n]:
        str(book.author)


def looped(n: int) -> None:
    from tests.queries.corpus.models import Book

    for book in Book.objects.all()[:n]:
        str(book.author)


def timed(arm: Callable[[], Any], work: Callable[[int], None], n: int) -> float:
    """CPU seconds of one run inside the block; what entering it costs is left out."""
    with arm():
        work(2)
        began = time.thread_time_ns()
        work(n)
        return (time.thread_time_ns() - began) / 1e9


def rounds(arms: dict[str, Any], work: Any, sizes: Any, seconds: float) -> Iterator[dict]:
    """{(arm, size): seconds} of each round, its parts in random order."""
    gc.collect()
    gc.disable()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        order = [(arm, n) for arm in arms for n in sizes]
        random.shuffle(order)
        yield {(arm, n): timed(arms[arm], work, n) for arm, n in order}
        gc.collect()
    gc.enable()


def slope(name: str, arms: dict[str, Any], work: Any, sizes: Any, seconds: float) -> None:
    low, high = sizes
    costs: dict[str, list[float]] = {arm: [] for arm in ("counted", "tracked", "again")}
    for took in rounds(arms, work, sizes, seconds):
        each = {arm: (took[arm, high] - took[arm, low]) / (high - low) * 1e6 for arm in arms}
        base = (each["off"] + each["again"]) / 2
        costs["counted"].append(each["counted"] - base)
        costs["tracked"].append(each["tracked"] - base)
        costs["again"].append(each["off"] - each["again"])
    middle = {arm: statistics.median(found) for arm, found in costs.items()}
    print(
        f"{name:24}{middle['counted']:12.2f} us{middle['tracked']:11.2f} us"
        f"{middle['again']:+7.2f} us",
        flush=True,
    )


def ratio(name: str, arms: dict[str, Any], work: Any, seconds: float) -> None:
    found: dict[str, list[float]] = {arm: [] for arm in ("counted", "tracked", "again")}
    for took in rounds(arms, work, (100,), seconds):
        base = (took["off", 100] + took["again", 100]) / 2
        found["counted"].append(took["counted", 100] / base)
        found["tracked"].append(took["tracked", 100] / base)
        found["again"].append(took["off", 100] / took["again", 100])
    middle = {arm: statistics.median(ratios) for arm, ratios in found.items()}
    print(
        f"{name:24}{middle['counted']:12.3f} x {middle['tracked']:11.3f} x {middle['again']:8.3f}",
        flush=True,
    )
