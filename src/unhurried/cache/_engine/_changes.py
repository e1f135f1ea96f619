"""Who changed what: the route, task or command behind each write, for people who ask why.

A write costs an addition for each table; once in a second the sums go into the measure store.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial
from time import monotonic, time
from typing import Final

from unhurried.measure.reading import Store, at_once, current, draining, swallow

from .._units._ends import renewed

PAUSE: Final = 1.0  # seconds between two writings
LABEL: Final = 200  # characters of a tag, of who
#: The epoch, which every write renews; names, for arguments stand in those.
UNTOLD: Final = ("db:", "name:")
MOST: Final = 500  # that wait to be written; more are not told apart
MOST_WHO: Final = 8  # of one tag
OTHER: Final = "(other)"
NOBODY: Final = "(outside of any request)"

#: (tag, who) -> how often, and when last; not yet written.
_waiting: dict[tuple[str, str], tuple[int, float]] = {}
_due = 0.0


def note(tags: Iterable[str]) -> None:
    """These have just been changed, by whoever is at work here."""
    who, now = _who(), time()
    for tag in tags:
        if not tag.startswith(UNTOLD):
            key = (tag, who) if len(_waiting) < MOST else (tag, OTHER)
            _waiting[key] = _waiting.get(key, (0, 0.0))[0] + 1, now
    if monotonic() > _due:
        write()


def write(*, opening: bool = True) -> None:
    """Add what was noted since the last time to the rows of the store."""
    global _due
    _due = monotonic() + PAUSE
    if not _waiting:
        return
    try:
        at_once(_write, opening=opening)
    except Exception as error:  # boundary: a meter never breaks a write
        swallow("who changed what", error)


def _who() -> str:
    record = current.get()
    if record is None:
        return NOBODY
    is_route = record.kind == "request" and not record.name.startswith("(")
    return f"/{record.name}" if is_route else record.name


def _write(store: Store) -> None:
    for tag, who in list(_waiting):
        count, last = _waiting.pop((tag, who), (0, 0.0))
        fields = (tag[:LABEL], who[:LABEL])
        if not store.has("change", fields) and store.count("change", fields[:1]) >= MOST_WHO:
            fields = (fields[0], OTHER)
        _, lanes = store.row("change", fields)
        lanes[0] += count
        lanes[1] = max(lanes[1], int(last * 1e6))


renewed.append(note)
draining.append(partial(write, opening=False))
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_waiting.clear)
