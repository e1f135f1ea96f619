"""Who else needs the processors: a run beside others is another fault than the one it was to be."""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
NEEDED = 2.0  # cores, for the site and its visitors
IDLE, IO_WAIT = 3, 4  # of the columns of /proc/stat; guests (8, 9) are in the first two


class Others:
    """Cores that others needed meanwhile, on average; ``most``: beyond that they disturb."""

    cores = 0.0
    most = max(0.35, len(os.sched_getaffinity(0)) - NEEDED)

    @property
    def disturb(self) -> bool:
        return self.cores > self.most


@contextmanager
def watched() -> Iterator[Others]:
    """Linux alone; what is ours is this process and all that it has started."""
    others, began = Others(), time.monotonic()
    busy, own = _busy(), _own()
    yield others
    used = (_busy() - busy) - (_own() - own)
    others.cores = max(used / TICK / (time.monotonic() - began), 0.0)


def _busy() -> int:
    words = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return sum(words) - words[IDLE] - words[IO_WAIT]


def _own() -> int:
    """Ticks of the living, and of those they have waited for."""
    children, ticks = defaultdict(list), {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            pid, rest = path.parent.name, path.read_text().rpartition(")")[2].split()
            children[rest[1]].append(pid)
            ticks[pid] = sum(map(int, rest[11:15]))
    total, found = 0, [str(os.getpid())]
    while found:
        pid = found.pop()
        total += ticks.get(pid, 0)
        found += children[pid]
    return total
