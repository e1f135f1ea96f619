"""The ledgers of this process. A fork begins with none: what waits is its parent's to flush."""

from __future__ import annotations

import os
import threading
import uuid

from unhurried.measure.reading import WRITES, at_end

from .._outbox._tables import require
from ._ledger import Ledger


class Ledgers:
    """By the alias of the database; ``process`` is the name under which marks are made."""

    def __init__(self) -> None:
        self.process = uuid.uuid4().hex
        self.of: dict[str, Ledger] = {}
        self._lock = threading.Lock()

    def ledger(self, alias: str) -> Ledger:
        found = self.of.get(alias)
        return found if found is not None else self._made(alias)

    def _made(self, alias: str) -> Ledger:
        require()
        with self._lock:
            if not self.of:
                at_end(WRITES, at_exit, _resume)
            return self.of.setdefault(alias, Ledger(alias, self.process))


_ledgers = Ledgers()


def ledger(alias: str) -> Ledger:
    return _ledgers.ledger(alias)


def at_exit() -> None:
    """For what no thread has flushed."""
    for each in list(_ledgers.of.values()):
        each.worker.stop()


def _resume() -> None:
    for each in list(_ledgers.of.values()):
        each.resume()


def _after_fork() -> None:
    global _ledgers
    for each in _ledgers.of.values():
        each.worker.disown()
    _ledgers = Ledgers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
