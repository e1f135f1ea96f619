"""500 readers at once over four processes, when there is nothing, and after a write: one computes.

How long the others wait beyond the work itself is printed, beside what hits take; not judged.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.cache.races.cells import Cell
from tests.services.rows import WORK, computed, ports_of, prepare, settings_file
from tests.services.rows_traffic import PATIENCE, serving

CROWD = 500
#: All connect before the first asks; on a busy machine that takes longer than gunicorn's 2 s.
PROCESSES = ("-w", "4", "--threads", str(CROWD // 4), "--keep-alive", "60")


async def get(port: int, path: str, go: asyncio.Barrier) -> tuple[float, str, str]:
    """(seconds, status and Cache-Status, body); all go when all are connected."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        await go.wait()
        began = time.monotonic()
        writer.write(f"GET {path} HTTP/1.1\r\nHost: crowd\r\nConnection: close\r\n\r\n".encode())
        answer = (await reader.read()).decode()
        took = time.monotonic() - began
    finally:
        writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    status, *lines = head.split("\r\n")
    cache = [line.partition("; ")[2] for line in lines if line.startswith("Cache-Status")]
    return took, " ".join([status.split()[1], *cache]), body


async def crowd_of(port: int, path: str) -> list[tuple[float, str, str]]:
    go = asyncio.Barrier(CROWD)
    async with asyncio.timeout(3 * PATIENCE), asyncio.TaskGroup() as group:
        tasks = [group.create_task(get(port, path, go)) for _ in range(CROWD)]
    return [task.result() for task in tasks]


def crowd(port: int, path: str) -> tuple[Counter[str], Counter[str], str]:
    """(statuses, bodies, how long it took)."""
    found = asyncio.run(crowd_of(port, path))
    took = sorted(each[0] for each in found)
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    statuses = Counter(status.partition("; ttl")[0] for _, status, _ in found)
    return statuses, Counter(body for *_, body in found), f"p50 {p50:.3f} s, p99 {p99:.3f} s"


@pytest.mark.parametrize("way", ["wait", "refresh"])
@pytest.mark.parametrize("server", ["redis", "memcached"])
def test_one_computes(
    server: str, way: str, tmp_path: Path, request: pytest.FixtureRequest, say: Any
) -> None:
    cell, path = Cell("postgres", server, server), f"/{way}/3/"
    ports = ports_of(cell, tmp_path, request.getfixturevalue)
    # A deadline that ends in the middle would ask for one more, as it should.
    settings = settings_file(cell, tmp_path, ports, DEADLINE=120, WAIT=60)
    prepare(settings)
    with serving(settings, *PROCESSES) as site:
        statuses, bodies, cold = crowd(site.port, path)
        assert bodies == {"0": CROWD}, statuses
        assert computed(tmp_path, 3) == 1
        say(f"cold, {WORK} s of work: {cold}; {dict(statuses)}")

        assert site.write(3, 1).status == 200
        statuses, bodies, changed = crowd(site.port, path)
        say(f"after a write: {changed}; {dict(statuses)}, {dict(bodies)}")
        assert computed(tmp_path, 3) == 2
        assert set(bodies) == ({"1"} if way == "wait" else {"0", "1"})
        assert sum(bodies.values()) == CROWD

        statuses, bodies, warm = crowd(site.port, path)
        assert (computed(tmp_path, 3), bodies) == (2, {"1": CROWD})
        say(f"hits: {warm}; {dict(statuses)}")
    served = [path.stat().st_size for path in tmp_path.glob("served-*")]
    say(f"pages by process: {served}")
    assert len(served) == 4
