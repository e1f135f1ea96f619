"""How rooms above write into the store: at the end of a unit, under its lock, and failing as it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from . import _store
from ._errors import StoreError
from ._record import Record

Work = Callable[[Record], None]


def folds(work: Work) -> Work:
    """A subscriber of ``finished`` that has the store for itself, for as short as it can.

    It is not called for units without a statement, nor for a store that has been left.
    """

    @wraps(work)
    def inner(record: Record) -> None:
        if not record.statements or record.store.left:
            return
        try:
            with record.store.lock:
                work(record)
        except (OSError, StoreError) as error:
            _store.fail(error, record.store)

    return inner
