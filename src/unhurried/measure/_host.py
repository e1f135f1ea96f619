"""What the machine says of itself: pressure, throttling, cores. Linux; elsewhere nothing is known.

PSI: https://docs.kernel.org/accounting/psi.html; throttling: cgroup v2's ``cpu.stat``.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

PRESSURE: Final = Path("/proc/pressure")
CGROUPS: Final = Path("/sys/fs/cgroup")
RESOURCES: Final = ("cpu", "io", "memory")

Host = dict[str, int]


def totals() -> Host:
    """Microseconds since boot, of those that are known.

    "cpu", "io", "memory": in which some task waited for it; "throttled": of this process's cgroup.
    """
    found: Host = {}
    for resource in RESOURCES:
        with suppress(OSError, ValueError, IndexError):
            some = (PRESSURE / resource).read_text().splitlines()[0]
            found[resource] = int(some.rpartition("total=")[2])
    with suppress(OSError, ValueError, KeyError, StopIteration):
        found["throttled"] = _throttled()
    return found


def _throttled() -> int:
    """Of this process's own group, in the unified hierarchy."""
    own = next(
        line for line in Path("/proc/self/cgroup").read_text().splitlines() if line[:3] == "0::"
    )
    stat = (CGROUPS / own[3:].lstrip("/") / "cpu.stat").read_text().split()
    return int(dict(zip(stat[::2], stat[1::2], strict=True))["throttled_usec"])


def cores() -> int:
    """Those this process may run on, whatever its cgroup grants of them."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count or 1
