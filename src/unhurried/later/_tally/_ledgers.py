"""The ledgers of this process. A fork begins with none: what waits is its parent's to flush."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import uuid

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
                _await_end()
            return self.of.setdefault(alias, Ledger(alias, self.process))


_ledgers = Ledgers()


def ledger(alias: str) -> Ledger:
    return _ledgers.ledger(alias)


def _await_end() -> None:
    """For what no thread has flushed: before any worker's hook, so that it runs after them."""
    atexit.unregister(at_exit)
    atexit.register(at_exit)
    if "celery" in sys.modules:  # its children end without atexit
        from celery import signals

        signals.worker_process_shutdown.connect(at_exit, dispatch_uid="unhurried.tally", weak=False)


def at_exit(**kwargs: object) -> None:
    for each in list(_ledgers.of.values()):
        each.worker.stop()


def _after_fork() -> None:
    global _ledgers
    for each in _ledgers.of.values():
        each.worker.disown()
    _ledgers = Ledgers()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
