"""How often each cached thing was found fresh, stale or changed, what that saved, what it became.

A hit costs an addition in the process; once in a second the sums go into the measure store, where
they are added up over all processes. A process that is killed takes its last second with it.
"""

from __future__ import annotations

import os
from time import monotonic, time
from typing import Any, Final

from unhurried.measure.reading import KEPT, Store, at_once, draining, swallow

from ._entry import Entry
from ._policy import Policy

KINDS: Final = ("", "function", "fragment", "page")
LANE: Final = {name: lane for lane, name in enumerate(KEPT)}
FRESH: Final = LANE["fresh"]
SAVED: Final = LANE["saved"]
COUNTED: Final = SAVED + 1
STORED, BYTES, KIND = (LANE[name] for name in ("stored", "bytes", "kind"))
PAUSE: Final = 1.0  # seconds between two writings
LABEL: Final = 200  # characters of a name, a tag, a reason
MOST: Final = 300  # names that are counted here
#: Rows of one thing, so that none takes the room of all.
MOST_TIES, MOST_REASONS = 30, 20
OTHER: Final = "(other)"

#: name -> sums of this process, and how much of them is written; only grows, but for a fork.
seen: dict[str, _Sums] = {}
_due = 0.0


class _Sums:
    """``counts`` in the order of ``KEPT``; ``written`` of them are in the store."""

    __slots__ = ("counts", "written")

    def __init__(self) -> None:
        self.counts, self.written = [0] * COUNTED, [0] * COUNTED


def note(name: str, what: str, n: int = 1) -> None:
    """``what``: fresh stale changed computed unstored failed waited bypassed."""
    sums = seen.get(name) or _begin(name)
    sums.counts[LANE[what]] += n
    if monotonic() > _due:
        write()


def hit(name: str, state: str, delta: float) -> None:
    """Served, in this state, which saved ``delta`` seconds."""
    sums = seen.get(name) or _begin(name)
    counts, saved = sums.counts, int(delta * 1e9)
    counts[LANE[state]] += 1
    counts[SAVED] += saved  # no call within: there another thread may come between
    if monotonic() > _due:
        write()


def hits(name: str, count: int, saved: float) -> None:
    """So many at once, all of them fresh."""
    sums, nanoseconds = seen.get(name) or _begin(name), int(saved * 1e9)
    sums.counts[FRESH] += count
    sums.counts[SAVED] += nanoseconds
    if monotonic() > _due:
        write()


def stored(policy: Policy, entry: Entry) -> None:
    """Computed and kept: its size, and what it depends on."""
    note(policy.name, "computed")

    def work(store: Store) -> None:
        number, lanes = store.row("kept", (policy.name[:LABEL],))
        lanes[STORED], lanes[BYTES] = int(time() * 1e6), entry.size
        lanes[KIND] = KINDS.index(policy.kind)
        for tag in entry.tags():
            if not tag.startswith("name:"):  # arguments stand in those
                _mark(store, "tie", number, tag, MOST_TIES)

    _now(work)


def refused(name: str, what: str, reason: str, kind: str = "") -> None:
    """Computed and not kept, as ``what`` says, and why."""
    note(name, what)

    def work(store: Store) -> None:
        number, lanes = store.row("kept", (name[:LABEL],))
        lanes[KIND] = KINDS.index(kind) or lanes[KIND]
        _mark(store, "reason", number, reason, MOST_REASONS)

    if reason:
        _now(work)


def write() -> None:
    """Add what was counted since the last time to the rows of the store."""
    global _due
    _due = monotonic() + PAUSE
    if any(sums.counts != sums.written for sums in list(seen.values())):
        _now(_write)


def _begin(name: str) -> _Sums:
    return seen.setdefault(name if len(seen) < MOST or name in seen else OTHER, _Sums())


def _now(work: Any) -> None:
    try:
        at_once(work)
    except Exception as error:  # boundary: a meter never breaks a page
        swallow("the cache's counts", error)


def _write(store: Store) -> None:
    for name, sums in list(seen.items()):
        counts, written = sums.counts.copy(), sums.written
        if counts == written:
            continue
        _, lanes = store.row("kept", (name[:LABEL],))
        for lane, count in enumerate(counts):
            lanes[lane] += count - written[lane]
        sums.written = counts


def _mark(store: Store, group: str, number: int, text: str, most: int) -> None:
    """One more time, and now; new texts only as long as this thing has room."""
    known: dict[Any, memoryview] = store.kept.setdefault(group, {})
    lanes = known.get((number, text))
    if lanes is None:
        fields = (number, text[:LABEL])
        if not store.has(group, fields) and store.count(group, (number,)) >= most:
            fields = (number, OTHER)
        lanes = store.row(group, fields)[1]
        if len(known) < 2 * MOST * MOST_REASONS:
            known[number, text] = lanes
    lanes[0] += 1
    lanes[1] = int(time())


def _forked() -> None:
    """What the parent has counted is the parent's to write."""
    seen.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forked)
draining.append(write)
