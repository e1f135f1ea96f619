"""What a hit costs: ``Tally`` of grade "batch" beside an UPDATE of ``F() + 1`` for each.

    .venvs/dev-3.11/bin/python benchmarks/tally.py             on a PostgreSQL of its own
    .venvs/dev-3.11/bin/python benchmarks/tally.py --data sqlite

Each round counts the same hits in each way, in random order: ``update(views=F("views") + 1)`` as
a request does it, in autocommit; the same again (A/A); a batch, flushed every 500 hits in the
same thread, so that all of it is counted. Per hit: statements and commits as the server's, CPU of
this process, CPU of the server's process that serves it (its schedstat), bytes of WAL. "hot" is
one row, "skewed" are 1000 rows of which few get most (Zipf), "spread" is each row once a flush:
there a batch saves commits and round trips, but each row must still be written.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import accumulate
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

import django  # noqa: E402
from django.conf import settings  # noqa: E402

from tests import servers  # noqa: E402

MOST = 500  # hits of a flush, Tally's default
ROWS = 1000
BUDGET = 0.01
FIGURES = ("statements", "commits", "client CPU", "server CPU", "WAL")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--seconds", type=float, default=8.0, help="per kind of hits")
    options = parser.parse_args()
    with database(options.data) as given:
        configure(given)
        print(f"Python {sys.version.split()[0]}, Django {django.__version__}, {options.data}")
        missed = [report(kind, options.seconds) for kind in ("hot", "skewed", "spread")]
        adding()
        end()
    return int(missed[0])


@contextlib.contextmanager
def database(data: str) -> Iterator[dict[str, Any]]:
    with contextlib.ExitStack() as stack:
        if data == "postgresql":
            port = stack.enter_context(servers.postgres()).port
            where = {"USER": "postgres", "HOST": "127.0.0.1", "PORT": port, "NAME": "postgres"}
            yield {"ENGINE": "django.db.backends.postgresql", **where}
        else:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            yield {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db"}


def configure(given: dict[str, Any]) -> None:
    folder = tempfile.mkdtemp(prefix="unhurried-bench-")
    settings.configure(
        SECRET_KEY="bench",
        DATABASES={"default": {**given, "CONN_MAX_AGE": None}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        INSTALLED_APPS=["unhurried", "unhurried.later", "tests.pages"],
        UNHURRIED={"STORE": folder},
    )
    django.setup()
    from django.core.management import call_command

    from tests.pages.models import Page

    call_command("migrate", verbosity=0, run_syncdb=True)
    Page.objects.bulk_create([Page(pk=pk, title="x" * 60) for pk in range(1, ROWS + 1)])


class Meter:
    """Reads the clocks before and after: one value for each of FIGURES."""

    def __init__(self) -> None:
        from django.db import connection

        self.connection, self.statements = connection, 0
        connection.ensure_connection()
        self.served = connection.vendor == "postgresql"
        self.pid = self._ask("SELECT pg_backend_pid()") if self.served else 0

    def __call__(self, work: Callable[[], int]) -> dict[str, float]:
        before = self._read()
        with self.connection.execute_wrapper(self._count):
            hits = work()
        after = self._read()
        each = [(b - a) / hits for a, b in zip(before, after, strict=True)]
        return dict(zip(FIGURES, each, strict=True))

    def _count(self, execute: Any, *args: Any) -> Any:
        self.statements += 1
        return execute(*args)

    def _read(self) -> tuple[float, ...]:
        if not self.served:
            return self.statements, 0, time.process_time() * 1e6, 0, 0
        # As an idle process of the server writes its figures at times, it is asked to do so now.
        self.connection.cursor().execute("SELECT pg_stat_force_next_flush()")
        commits = self._ask(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        )
        wal = self._ask("SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn")
        served = int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e3
        return self.statements, commits, time.process_time() * 1e6, served, float(wal)

    def _ask(self, sql: str) -> Any:
        with self.connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchone()[0]


def hits_of(kind: str, count: int) -> list[int]:
    if kind == "hot":
        return [1] * count
    if kind == "spread":
        return [n % MOST + 1 for n in range(count)]
    weights = list(accumulate(1 / n for n in range(1, ROWS + 1)))
    return random.choices(range(1, ROWS + 1), cum_weights=weights, k=count)


def by_update(pks: list[int]) -> int:
    from django.db.models import F

    from tests.pages.models import Page

    for pk in pks:
        Page.objects.filter(pk=pk).update(views=F("views") + 1)
    return len(pks)


def by_batch(pks: list[int]) -> int:
    from tests.pages.models import Page
    from unhurried.later import Tally

    views = Tally(Page, "views", every=3600, most=10**9)
    for start in range(0, len(pks), MOST):
        for pk in pks[start : start + MOST]:
            views.add(pk)
        views.flush()
    return len(pks)


def report(kind: str, seconds: float) -> bool:
    """Prints the kind's figures; whether its database's work is over the budget."""
    meter, end = Meter(), time.monotonic() + seconds
    found: dict[str, list[dict[str, float]]] = {"update": [], "again": [], "batch": []}
    by_batch([1])  # the mark is made, the thread is there
    while time.monotonic() < end:
        pks = hits_of(kind, 2 * MOST)
        order = list(found)
        random.shuffle(order)
        for arm in order:
            work = by_batch if arm == "batch" else by_update
            found[arm].append(meter(lambda work=work, pks=pks: work(pks)))
    print(f"\n{kind:14}{'F() + 1':>12}{'batch':>12}{'ratio':>10}{'A/A':>10}")
    ratios = {}
    for name in FIGURES:
        update, again, batch = (statistics.median(x[name] for x in found[a]) for a in found)
        if update and again:
            ratios[name] = batch / update
            print(
                f"{name:14}{update:12.3f}{batch:12.4f}{batch / update:10.4f}{again / update:10.3f}"
            )
    missed = any(ratio > BUDGET for name, ratio in ratios.items() if name != "client CPU")
    print(f"database's work <= {BUDGET}: {'MISSED' if missed else 'held'}")
    return missed


def adding() -> None:
    """``add`` alone, in microseconds of CPU."""
    from tests.pages.models import Page
    from unhurried.later import Tally

    views, page = Tally(Page, "views", every=3600, most=10**9), Page.objects.get(pk=1)
    took = []
    for _ in range(50):
        began = time.thread_time_ns()
        for _ in range(1000):
            views.add(page)
        took.append((time.thread_time_ns() - began) / 1e6)
    views.flush()
    print(f"\nadd(page): {statistics.median(took):.2f} us of CPU; WAL in bytes, CPU in us, per hit")


def end() -> None:
    """While the database is still there."""
    from django.db import connections

    from unhurried.later._tally import _ledgers

    _ledgers.at_exit()
    connections.close_all()


if __name__ == "__main__":
    sys.exit(main())
