"""Tokens of one host: a table in shared memory. No keys, no growth, no lock and no call to read.

A tag has its slot by hash. Two tags in one, or a number read half old and half new, can only
invalidate too much.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from hashlib import blake2b
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

from .._errors import Unavailable
from .._servers._forks import leaves_after_fork
from ._table import PATIENCE, SLOTS, Table, now

GLANCE: Final = 1.0  # seconds within which a reader notices that the file has been replaced


@lru_cache(maxsize=4096)
def slot(tag: str) -> int:
    """The slot of a tag, the same in every process."""
    digest = blake2b(tag.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little") % SLOTS


class Embedded:
    """The home whose tokens lie in a file of this host, or in this process alone (no path).

    Two tables at once, after somebody has removed the file, would be two truths: writers look each
    time whether theirs is still the one, and renew in the one they leave as well; readers look once
    a second.
    """

    def __init__(
        self,
        name: str,
        path: Path | None,
        like: Path | None = None,
        find: Callable[[], Path] | None = None,
    ) -> None:
        self.name = name
        self.path = path
        self._like = like
        self._find = find  # its path, where that may not be had yet
        if find is not None:
            with suppress(Unavailable):
                self.path = find()
        self._table: Table | None = None
        self._glance_at = 0.0
        self._threads = threading.Lock()
        leaves_after_fork(self)

    def slots(self, tags: Sequence[str]) -> tuple[int, ...]:
        """Where the tags' tokens are."""
        return tuple(map(slot, tags))

    def check(self, world: str, tokens: Mapping[str, int]) -> Callable[[], bool]:
        """Asks whether these are still the tokens, again and again: two memory reads a tag."""
        slots, numbers = self.slots([*tokens]), (*tokens.values(),)
        if len(slots) == 1:  # of one alone, itemgetter makes no tuple
            slots, numbers = slots * 2, numbers * 2
        return partial(self._valid, itemgetter(*slots), numbers)

    def _valid(self, of: Callable[[memoryview], Any], tokens: tuple[int, ...]) -> bool:
        if time.monotonic() >= self._glance_at and not self._glance():
            return False
        table = self._table
        if table is None or of(table.tokens) != tokens:
            return False
        pending = [end for end in of(table.expiry) if end]
        return not pending or min(pending) > now()  # who reads clears what is over

    def _glance(self) -> bool:
        try:
            self._current()
        except Unavailable:
            return False
        return True

    def read(self, tags: Sequence[str]) -> tuple[str, list[int]]:
        """(world, tokens); raises Unavailable."""
        table, slots = self._current(), self.slots(tags)
        over = tuple(i for i in slots if table.expiry[i] and table.expiry[i] <= now())
        if over:
            self._expire(table, over)
        return table.world, [table.tokens[i] for i in slots]

    def touch(self, tags: Sequence[str], deadline: float) -> None:
        """Let the tokens expire in ``deadline`` seconds, and not sooner."""
        table, slots = self._current(at_once=True), self.slots(tags)
        self._alone(table, table.touch, slots, now() + int(deadline * 1e9))

    def renew(self, tags: Sequence[str], deadline: float) -> None:
        """New random tokens; a deadline that pends stays, for it may be another writer's.

        ``deadline`` is for homes that keep no deadline apart from the token.
        """
        slots, left = self.slots(tags), self._table
        if left is not None:
            left.renew(slots)
        table = self._current(at_once=True)
        if table is not left:
            table.renew(slots)

    def _expire(self, table: Table, slots: tuple[int, ...]) -> None:
        self._alone(table, table.expire, slots)

    def _alone(self, table: Table, change: Callable[..., None], *args: Any) -> None:
        """Against threads and processes: a deadline must not be cleared while one is set."""
        threads = self._threads
        if not threads.acquire(timeout=PATIENCE):
            raise Unavailable(f"The table of tokens is held for {PATIENCE:g} s.")
        try:
            table.hold()
            try:
                change(*args)
            finally:
                table.let_go()
        finally:
            threads.release()

    def _current(self, *, at_once: bool = False) -> Table:
        """The table at the path, looked for once in a while, or at once."""
        table, clock = self._table, time.monotonic()
        if table is not None and not at_once and clock < self._glance_at:
            return table
        if table is None or (self.path is not None and not table.is_at(self.path)):
            table = self._open()
        self._glance_at = clock + GLANCE
        return table

    def _open(self) -> Table:
        path = self.path = self.path if self._find is None else self._find()
        self._table = table = Table.open(path, self._like) if path else Table.private()
        return table

    def after_fork(self) -> None:
        """A private table is the parent's, whose data may go another way; a lock is its as well."""
        self._table, self._threads, self._glance_at = None, threading.Lock(), 0.0
