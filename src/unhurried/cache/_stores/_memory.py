"""Entries in the memory of this process: what stands in for the local-memory cache."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from time import monotonic
from typing import Final

from .._servers._forks import leaves_after_fork
from ._store import OneByOne

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_ENTRIES: Final = 10_000
OVERHEAD: Final = 200  # bytes of an entry besides its data, about


class MemoryStore(OneByOne):
    """A dict that forgets what was used longest ago, bounded in bytes and in entries."""

    def __init__(
        self, alias: str, max_entries: int = MAX_ENTRIES, max_bytes: int = MAX_BYTES
    ) -> None:
        self.alias = alias
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._entries: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.RLock()  # storing may free something whose end deletes a key
        leaves_after_fork(self)

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        found = {}
        with self._lock:
            for key in keys:
                if (data := self._get(key)) is not None:
                    found[key] = data
        return found

    def holds(self, key: str, data: bytes) -> bool:
        """Whether this very object is still what is kept under the key; takes no lock. Who asks
        knows himself how long it is good.
        """
        found = self._entries.get(key)
        return found is not None and found[0] is data

    def get_with_tokens(self, keys: Sequence[str], tags: Sequence[str]) -> None:
        """No tokens lie here."""
        return None

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Keep the data under the key."""
        with self._lock:
            self._set(key, data, ttl)

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Keep it only while ``lease`` holds ``holder``, and give that back."""
        with self._lock:
            kept = self._get(lease) == holder and self._set(key, data, ttl)
            if kept:
                self._drop(lease)
            return kept

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing."""
        with self._lock:
            return self._get(key) is None and self._set(key, data, ttl)

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it still holds ``holder``."""
        with self._lock:
            if self._get(lease) == holder:
                self._drop(lease)

    def delete(self, key: str) -> None:
        """Forget the key."""
        with self._lock:
            self._drop(key)

    def _get(self, key: str) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry[1] <= monotonic():
            self._drop(key)
            return None
        self._entries.move_to_end(key)
        return entry[0]

    def _set(self, key: str, data: bytes, ttl: float) -> bool:
        size = len(data) + OVERHEAD
        if ttl <= 0 or size > self._max_bytes:
            return False
        self._drop(key)
        self._entries[key] = data, monotonic() + ttl
        self._bytes += size
        while self._bytes > self._max_bytes or len(self._entries) > self._max_entries:
            self._drop(next(iter(self._entries)))
        return True

    def _drop(self, key: str) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= len(entry[0]) + OVERHEAD

    def after_fork(self) -> None:
        """The lock may have been held, and the dict half changed."""
        self._lock = threading.RLock()
        self._entries, self._bytes = OrderedDict(), 0
