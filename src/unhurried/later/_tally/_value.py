"""What a count is now: stored, and what waits in this process, each hit once."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Subquery

from .._outbox._tables import all_rows
from ._ledger import Ledger
from ._target import Target
from ._watermark import flushed

TRIES: Final = 5


def stored(target: Target, pk: Any, alias: str) -> Any:
    """Raises the model's DoesNotExist."""
    rows = all_rows(target.model, alias).values_list(target.field.name, flat=True)
    return rows.get(pk=pk) or 0


def with_pending(target: Target, pk: Any, ledger: Ledger) -> Any:
    """The row and the mark of this process are read by one statement, so in one snapshot.

    By the mark we know whether the batch that was under way is in the number already. Only if yet
    another was begun meanwhile we must look again.
    """
    for _ in range(TRIES):
        before = ledger.look(target.label, pk)
        number, mark = _stored_and_mark(target, pk, ledger)
        now = ledger.look(target.label, pk)
        if now.sequence == before.sequence:
            break
    applied = before.applied if mark is None else mark >= now.sequence
    return number + now.waiting + (0 if applied else now.begun)


def _stored_and_mark(target: Target, pk: Any, ledger: Ledger) -> tuple[Any, int | None]:
    marks = flushed()._base_manager.filter(process=ledger.process).values("sequence")
    rows = all_rows(target.model, ledger.alias).annotate(unhurried_mark=Subquery(marks))
    number, mark = rows.values_list(target.field.name, "unhurried_mark").get(pk=pk)
    return number or 0, mark
