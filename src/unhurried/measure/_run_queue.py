"""How long this process's threads were ready to run while others had the cores.

Linux counts it, to the nanosecond: ``/proc/self/task/*/schedstat`` has for each thread how long it
ran, how long it waited for that, and how often.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Final

TASKS: Final = "/proc/self/task"
THREADS: Final = 200  # read at once; of a process with more, those with the lowest numbers


class Turns:
    """What has been since the last look. Threads that have ended take with them what is unread."""

    def __init__(self) -> None:
        self._known = _read()

    def since(self) -> tuple[int, int]:
        """(nanoseconds on a core, nanoseconds waited for one) of all threads together."""
        before, self._known = self._known, _read()
        ran = waited = 0
        for thread, (cpu, wait) in self._known.items():
            then = before.get(thread, (0, 0))
            ran += max(cpu - then[0], 0)
            waited += max(wait - then[1], 0)
        return ran, waited


def _read() -> dict[str, tuple[int, int]]:
    """By thread; empty where nobody tells."""
    found = {}
    with suppress(OSError):  # no Linux
        for thread in sorted(os.listdir(TASKS), key=int)[:THREADS]:
            with suppress(OSError, ValueError, IndexError):  # it has just ended
                fd = os.open(f"{TASKS}/{thread}/schedstat", os.O_RDONLY | os.O_CLOEXEC)
                try:
                    ran, waited, *_ = os.read(fd, 64).split()
                finally:
                    os.close(fd)
                found[thread] = int(ran), int(waited)
    return found
