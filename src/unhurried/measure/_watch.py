"""The watch: one thread that looks at its process twenty times a second.

Each beat it asks to sleep, and sees how much later than asked it got its turn: what every thread
here waits for cores and for the interpreter's lock. Then it looks where each unit under way is
working (``_seen``), and keeps stacks of requests that are late (``_slow``). Once a second it reads
how long all threads have waited for a core (``_run_queue``), and writes that, and what else waits
for the store. Where its looks are dear it looks four times more seldom.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from time import perf_counter_ns, thread_time_ns
from types import FrameType
from typing import Final

from unhurried.conf import settings

from . import _folding, _store
from . import _layout as L
from ._errors import StoreError, say_once, swallow
from ._frames import busy, placed, still
from ._record import VIEW, Record
from ._rows import DONE, STARTED
from ._run_queue import Turns
from ._seen import Samples
from ._slow import Slow, keep
from ._store import Store

BEAT: Final = 50_000_000  # nanoseconds
SELDOM: Final = 200_000_000
DEAR: Final = 2_000_000  # nanoseconds of CPU for a beat; below half of it, it is not dear any more
JUDGED: Final = 5_000_000_000  # nanoseconds that are weighed together
SECOND: Final = 1_000_000_000
STOPPED: Final = 5_000_000_000  # later than that is no contention: the whole process was stopped
THREADS: Final = 32  # looked at in one beat
BEATS, WATCHED, LATE, BUSY, MOST_BUSY, BORN, RAN, WAITED = range(8)  # of L.PROCESS


class Pace:
    """How often to look, by what the looks have cost."""

    def __init__(self) -> None:
        self.asked = BEAT
        self._since = self._spent = self._beats = 0

    def spend(self, ns: int, now: int) -> None:
        """Another beat, which took ``ns`` of CPU."""
        self._since = self._since or now
        self._spent, self._beats = self._spent + ns, self._beats + 1
        if now - self._since < JUDGED:
            return
        dear = self._spent / self._beats > (DEAR if self.asked == BEAT else DEAR / 2)
        self._since, self._spent, self._beats = now, 0, 0
        self.asked = SELDOM if dear else BEAT
        if dear:
            say_once("Watching this process is dear: it is looked at 5 times a second, not 20.")


class Watch:
    """Of one store; ends when that is left, or the setting says so."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.pace = Pace()
        self.samples, self.slow, self.turns = Samples(store), Slow(store), Turns()
        self.lock = threading.RLock()  # who reads has us write before the second is over
        self.process = store.slot.lanes(L.GROUPS["process"], 0)
        self._beats = self._watched = self._late = self._busy = self._most_busy = 0
        self._written = self._turn = 0

    def run(self) -> None:
        """The thread's life."""
        try:
            self._begin()
            last, cpu = perf_counter_ns(), thread_time_ns()
            while self._goes_on():
                asleep, asked = perf_counter_ns(), self.pace.asked
                time.sleep(asked / 1e9)
                now = perf_counter_ns()
                self._guarded(now, now - last, max(now - asleep - asked, 0))
                spent, last = thread_time_ns(), now
                self.pace.spend(spent - cpu, now)
                cpu = spent
        finally:
            _ended(self)

    def _goes_on(self) -> bool:
        return _watch is self and _store.opened is self.store and not self.store.left

    def _begin(self) -> None:
        with self.store.lock:
            if not self.store.left:
                self.process[MOST_BUSY] = 0
                self.process[BORN] = self.store.slot.words[L.H_BOOTED] // SECOND

    def _guarded(self, now: int, passed: int, late: int) -> None:
        try:
            with self.lock:
                self.beat(now, passed, late)
            if now - self._written >= SECOND:
                self._written = now
                self.write()
                _folding.drain_opened()
                if not settings.WATCH:
                    _ended(self)
        except (OSError, StoreError) as error:
            _store.fail(error, self.store)
        except Exception as error:  # boundary: whoever watches never breaks what it watches
            swallow("the watch", error)

    def beat(self, now: int, passed: int, late: int) -> None:
        """One look: ``passed`` nanoseconds after the last one, ``late`` of them without a turn."""
        if late > STOPPED:
            return
        busy = self._under_way()
        self._beats += 1
        self._watched += passed
        self._late += late
        self._busy += busy * passed
        self._most_busy = max(self._most_busy, busy)
        self._look(now, passed)

    def _under_way(self) -> int:
        """Units begun and not finished; a slot's last holder has left none, see ``Slot``."""
        route, rows = L.GROUPS["route"], len(self.store.names.order["route"])
        start, end = route.start, route.start + route.lanes * rows
        words = self.store.slot.words
        begun = sum(words[start + STARTED : end : route.lanes])
        return max(begun - sum(words[start + DONE : end : route.lanes]), 0)

    def _look(self, now: int, passed: int) -> None:
        before = busy(self.store)
        if not before:
            return
        with still:
            # They are gone with this function: whoever keeps one keeps all its variables.
            frames, after = _others(), busy(self.store)
            units = {t: each for t, each in before.items() if t in frames and after.get(t) is each}
            turn = self._its_turn(units)
            weight = passed * len(units) // max(len(turn), 1)
            for thread in turn:
                try:
                    self._see(units[thread], frames[thread], now, weight)
                except Exception as error:  # boundary: one thread's stack is not another's
                    swallow("a look at a thread", error)

    def _its_turn(self, units: dict[int, Record]) -> list[int]:
        """All threads, or of more than THREADS so many in turn, each standing for several."""
        threads = sorted(units)
        if len(threads) <= THREADS:
            return threads
        start = self._turn = (self._turn + THREADS) % len(threads)
        return (threads[start:] + threads[:start])[:THREADS]

    def _see(self, record: Record, frame: FrameType, now: int, weight: int) -> None:
        stack = record.stack
        part = stack[-1] if stack else VIEW
        for place in placed:
            where = place(frame, part)
            if where is not None:
                self.samples.count(record, where, weight)
        self.slow.look(record, frame, now)

    def write(self) -> None:
        """Add to the store what was seen since the last time. Raises OSError or StoreError."""
        with self.store.lock, self.lock:  # in this order: who reads may hold the first
            if self.store.left:
                return
            self._write_process()
            self.samples.write(int(time.time()))
            over = self.slow.over(perf_counter_ns())
        if over:
            keep(self.store, over)

    def write_new(self) -> None:
        """The same, if there was a beat since."""
        if self._beats:
            self.write()

    def _write_process(self) -> None:
        lanes = self.process
        lanes[BEATS] += self._beats
        lanes[WATCHED] += self._watched
        lanes[LATE] += self._late
        lanes[BUSY] += self._busy
        ran, waited = self.turns.since()
        lanes[RAN] += ran
        lanes[WAITED] += waited
        lanes[MOST_BUSY] = max(lanes[MOST_BUSY], self._most_busy)
        self._beats = self._watched = self._late = self._busy = 0


def _others() -> dict[int, FrameType]:
    """Where the other threads are: its own frame would hold itself, and greenlets share one."""
    own = _others.__code__
    return {t: frame for t, frame in sys._current_frames().items() if frame.f_code is not own}


_watch: Watch | None = None
_starting = threading.Lock()


def stand() -> None:
    """Have the store of this process watched; called at the end of a unit, every ten seconds."""
    global _watch
    if not settings.WATCH:
        _folding.drain_opened()  # which the watch does once a second
    if not settings.WATCH or not _starting.acquire(blocking=False):
        return
    try:
        store = _store.opened
        if store is None or store.left or store.pid != os.getpid():
            return
        if _watch is None or _watch.store is not store:
            _watch = Watch(store)
            _start(_watch)
    finally:
        _starting.release()


def _start(watch: Watch) -> None:
    try:
        threading.Thread(target=watch.run, name="unhurried-watch", daemon=True).start()
    except RuntimeError:  # none to be had: in ten seconds, perhaps
        _ended(watch)


def _ended(watch: Watch) -> None:
    global _watch
    if _watch is watch:
        _watch = None


def _write() -> None:
    watch = _watch
    if watch is not None and watch.store.pid == os.getpid():  # a fork may be unseen by Python
        watch.write_new()


_folding.draining.append(_write)


def _after_fork() -> None:
    """The thread stayed behind, and may have held the lock."""
    global _watch, _starting
    _watch, _starting = None, threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
