"""``kill -9`` between COMMIT and renewal, by the ORM: who had the entry is served the new value.

Twenty writers of twenty tables die at once, each after its COMMIT; another process has kept all of
them, by a function and by a page, and goes on reading. What it is served may be old for the time of
the setting DEADLINE and no longer. ``KILLS=200`` in the environment kills that many in each cell.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cache.races.cells import Cell
from tests.cache.races.driver import Site
from tests.services.rows import ROWS, ports_of, prepare, settings_file

CELLS = [
    Cell("postgres", "redis", "redis"),
    Cell("postgres", "memcached", "memcached"),
    Cell("postgres", "embedded", "file"),
    Cell("sqlite-wal", "embedded", "locmem"),
    Cell("sqlite-wal", "redis", "redis"),
]
KILLS = int(os.environ.get("KILLS", ROWS))
SLACK = 0.1  # seconds between a server's clock and its doing what is due


@pytest.fixture
def started(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """A reader and a writer in a cell."""
    with ExitStack() as stack:

        def start(cell: Cell, deadline: float) -> list[Site]:
            ports = ports_of(cell, tmp_path, request.getfixturevalue)
            prepare(settings_file(cell, tmp_path, ports, DEADLINE=2))
            path = settings_file(cell, tmp_path, ports, DEADLINE=deadline)
            return [stack.enter_context(site(path, name)) for name in ("reader", "writer")]

        yield start


@contextmanager
def site(path: Path, name: str) -> Iterator[Site]:
    begun = Site(path, path.with_name(f"{name}.log"), "tests.services.kill_site")
    try:
        yield begun
    finally:
        begun.end()


def killed(reader: Site, writer: Site, numbers: list[int], value: int, deadline: float) -> Any:
    """For each way and row: (old answers after its death, seconds until the last was asked for)."""
    reader.ask("keep")
    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(reader.ask, "watch", numbers, value, 5 * deadline + 20)
        died = writer.ask("die", numbers, value)
        watched = watching.result()
    assert not watched["never"], f"still old after {5 * deadline + 20} s: {watched['never']}"
    return [
        (way, number, count, last - died[str(number)])
        for way, rows in watched["seen"].items()
        for number, (count, last) in rows.items()
    ]


def judge(found: list[Any], deadline: float, say: Callable[[str], None]) -> None:
    after = [each for each in found if each[3] > 0]
    longest = max(found, key=lambda each: each[3])
    say(f"{len(after)} of {len(found)} served old after a death, at most for {longest[3]:.2f} s")
    assert after, "nobody died between COMMIT and renewal, or nobody looked"
    assert longest[3] <= deadline + SLACK, f"old for too long: {longest}"


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_who_dies_after_commit_leaves_nothing_old(cell: Cell, started: Any, say: Any) -> None:
    reader, writer = started(cell, 2)
    found = []
    for value in range(1, -(-KILLS // ROWS) + 1):
        found += killed(reader, writer, [*range(ROWS)], value, 2)
    say(f"{value * ROWS} killed")
    judge(found, 2, say)


def test_the_default_deadline_is_kept_as_well(started: Any, say: Any) -> None:
    reader, writer = started(CELLS[0], 10)
    time.sleep(2.5)  # what pends of the tables' making would end it sooner
    judge(killed(reader, writer, [0], 1, 10), 10, say)
