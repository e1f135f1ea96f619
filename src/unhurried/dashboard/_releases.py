"""When the site was released, for the charts: [[unix time, short name], …], oldest first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from unhurried.measure.reading import releases as known

LONGEST: Final = 12  # characters of a version beside its line
_COMMIT: Final = re.compile(r"[0-9a-f]{12,64}")


def releases(times: Iterable[float]) -> list[list[Any]]:
    """Those between the first and the last of ``times``: nothing else has a place on the charts."""
    shown = list(times)
    if not shown:
        return []
    return [[r.at, short(r.name)] for r in known() if shown[0] <= r.at <= shown[-1]]


def short(name: str) -> str:
    """A commit as git shortens it; what else is long, cut."""
    if _COMMIT.fullmatch(name):
        return name[:7]
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}\u2026"
