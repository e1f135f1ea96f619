"""Reading 64 slots x 200 routes: a scrape, the first full reading of quantiles, the next one.

Beside them the statements, ten on each route, which only those read who show them.
"""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from unhurried.measure import _layout as L
from unhurried.measure import _snapshot
from unhurried.measure._asked import asked
from unhurried.measure._read import Reader
from unhurried.measure._record import Record
from unhurried.measure._slot import Slot
from unhurried.measure._store import Store
from unhurried.measure.sinks import prometheus

SLOTS, ROUTES, STATEMENTS = 64, L.ROWS - 1, 10


def read() -> list[float]:
    """Milliseconds: a scrape, quantiles for the first time and again, statements the same."""
    shm = Path("/dev/shm")
    top = Path(tempfile.mkdtemp(prefix="unhurried-read-", dir=shm if shm.exists() else None))
    try:
        return [seconds * 1e3 for seconds in _read(top)]
    finally:
        shutil.rmtree(top)


def _read(top: Path) -> list[float]:
    store = Store(top / "store")
    fill(store)
    slots = [store.slot]
    for number in range(1, SLOTS):  # what other workers would have written
        shutil.copy(store.slot.path, store.folder / f"slot-{number}")
        slots.append(Slot.claim(store.folder, store.names.id))
    reader = Reader(store.folder)
    reader.merged()
    scrapes = [timed(lambda: prometheus.render(Reader(store.folder))) for _ in range(5)]
    first = timed(lambda: _snapshot.routes(reader, reader.merged()))
    some = []
    for _ in range(5):
        touch(store, ROUTES // 10)
        some.append(timed(lambda: _snapshot.routes(reader, reader.merged())))
    statements = [timed(lambda: asked(reader, {})) for _ in range(5)]
    middle = statistics.median
    return [middle(scrapes), first, middle(some), statements[0], middle(statements)]


def timed(work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def fill(store: Store) -> None:
    for number in range(ROUTES):
        for _ in range(50):
            write(store, number)
        fold(store, number)


def fold(store: Store, number: int) -> None:
    """Statements as long as those of a model with a dozen columns."""
    columns = ", ".join(f'"books_book"."column_{i}"' for i in range(12))
    for i in range(STATEMENTS):
        sql = f'SELECT {columns} FROM "books_book" WHERE "books_book"."column_{i}" = %s'
        fields = "request", f"route/{number}/<int:pk>/", "default", sql
        _, lanes = store.row("statement", fields)
        lanes[0] = lanes[1] = 50
        lanes[2] = lanes[3] = random.randrange(1_000_000, 9_000_000)


def touch(store: Store, routes: int) -> None:
    for number in random.sample(range(ROUTES), routes):
        write(store, number)


def write(store: Store, number: int) -> None:
    record = Record("request", f"route/{number}/<int:pk>/", store)
    record.close()
    record.wall = int(random.lognormvariate(17, 1))
    record.cpu, record.queries, record.status, record.size = record.wall // 2, number, 200, 5000
    record.parts = [record.wall // 2, record.wall // 4, 0, 0, record.wall // 4]
    row = store.route((record.kind, record.name))
    with store.lock:
        row.write(record)
