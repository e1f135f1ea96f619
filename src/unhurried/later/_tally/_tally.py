"""``Tally``: the counter that people type."""

from __future__ import annotations

from math import isfinite
from typing import Any, Final

from asgiref.sync import sync_to_async
from django.apps import apps
from django.db import connections, router
from django.db.models import Model

from unhurried.measure.reading import is_replayed

from .. import _putting_off
from .._elsewhere import elsewhere
from .._errors import LaterError
from .._outbox._tables import require
from . import _commit, _transactions, _value
from ._ledgers import ledger
from ._target import Target, model_of, target

GRADES: Final = ("batch", "commit")
MOST: Final = 1 << 63  # no column holds it


class Tally:
    """A counter in a column, as cheap as a ``dict``: what is added is written behind, by the batch.

    ::

        views = Tally("pages.Page", "views")
        views.add(page)

    Args:
        model: the model, or ``"app_label.Model"``, which may be loaded later.
        field: the name of an IntegerField or one of its kind, a DecimalField or a FloatField. NULL
            counts as 0; with grade ``"commit"`` there may be none.
        grade: ``"batch"`` adds up in this process and asks no database; who is killed loses
            ``lost_at_most`` hits. ``"commit"`` loses nothing: it writes a row of the outbox, in the
            transaction under way.
        every: seconds after which a hit is flushed at the latest, while the database answers.
        most: hits at which it is flushed at once.
        using: alias of the database; by default the one the router names for writing.

    The technique is write-behind with idempotent batches. Both grades write by ``update()``: no
    ``save()``, no signals of models.

    Raises:
        TypeError, ValueError: there is no such model, field or grade, or the field does not count.
            Of a model that is not loaded yet, at the first use.
        LaterError: the app is not installed.
    """

    def __init__(
        self,
        model: type[Model] | str,
        field: str,
        *,
        grade: str = "batch",
        every: float = 1.0,
        most: int = 500,
        using: str | None = None,
    ) -> None:
        if grade not in GRADES:
            raise ValueError(f'Tally(grade={grade!r}): say "batch" or "commit".')
        if isinstance(every, bool) or not isinstance(every, int | float) or not _is_time(every):
            raise ValueError(f"Tally(every={every!r}): say a number of seconds above 0.")
        if type(most) is not int or most < 1:
            raise ValueError(f"Tally(most={most!r}): say a whole number of hits from 1.")
        if using is not None and using not in connections:
            known = ", ".join(map(repr, connections))
            raise ValueError(f"Tally(using={using!r}): DATABASES has {known}.")
        self._model, self._field, self._using = model, field, using
        self._grade, self._every, self._most = grade, float(every), most
        self._found: Target | None = None
        if model_of(model) is not None:
            self._target()

    def __repr__(self) -> str:
        label = self._model if isinstance(self._model, str) else self._model._meta.label
        return f"Tally({label!r}, {self._field!r})"

    def _target(self) -> Target:
        if self._found is None:
            self._found = self._look_up()
        return self._found

    def _look_up(self) -> Target:
        model = model_of(self._model)
        if model is None:
            raise RuntimeError(f"{self!r} is used before Django's apps are loaded: use it later.")
        if apps.ready:
            require()
        found = target(model, self._field)
        if self._grade == "commit" and found.field.null:
            raise ValueError(
                f"{found.label} may be NULL, where what is added would be lost. Make it "
                'default=0 without null=True, or say grade="batch", for which NULL is 0.'
            )
        return found

    def _alias(self) -> str:
        return self._using or router.db_for_write(self._target().model)

    def add(self, what: Any, n: int = 1) -> None:
        """Count for an instance, or for the primary key of one.

        With grade ``"batch"`` this takes microseconds, asks no database, and neither waits nor
        raises for one; it does not belong to the transaction under way, and is not undone with it.

        Raises:
            TypeError: ``n`` is no ``int``, or that is neither an instance nor a primary key.
            ValueError: the instance is not saved, or ``n`` fits no column.
            LaterError: this connection is in another schema or role than a new one; grade
                ``"commit"`` adds at once there.
        """
        found = self._found or self._target()
        if not isinstance(n, int) or isinstance(n, bool):
            raise TypeError(f"{self!r} adds whole numbers, not {n!r}: say an int.")
        if not -MOST < n < MOST:
            raise ValueError(f"{self!r} adds less than 2**63 at a time, not {n}.")
        pk, alias = found.pk_of(what), self._alias()
        if not n:
            return
        if _putting_off.listeners:
            _putting_off.tell(f"a count in {found.label}")
        if self._grade == "commit":
            _commit.add(found, pk, n, alias)
        elif not is_replayed():  # no rollback takes a batch back
            self._refuse(alias)
            ledger(alias).add(found, pk, n, self._every, self._most)

    def _refuse(self, alias: str) -> None:
        """It is added up for whoever asks in this process, and flushed by a thread of its own."""
        if where := elsewhere(alias):
            raise LaterError(
                f"{self!r} is added up for the connections that are not within {where}, as this "
                "one is.",
                'Say grade="commit", which adds at once here, or update() it.',
            )

    async def aadd(self, what: Any, n: int = 1) -> None:
        """``add`` for grade ``"commit"``, which asks the database; ``"batch"`` needs no await."""
        await sync_to_async(self.add)(what, n)

    def value(self, what: Any) -> Any:
        """What is stored and what waits: with grade ``"batch"`` in this process, else in all.

        Raises:
            DoesNotExist: of the model, if there is no such row.
        """
        found, alias = self._target(), self._alias()
        pk = found.pk_of(what)
        if self._grade == "commit":
            return _commit.value(found, pk, alias)
        if elsewhere(alias):
            return _value.stored(found, pk, alias)
        return _value.with_pending(found, pk, ledger(alias))

    async def avalue(self, what: Any) -> Any:
        """``value``."""
        return await sync_to_async(self.value)(what)

    def pending(self, what: Any) -> Any:
        """What waits to be added to it: with grade ``"batch"`` in this process, without a query."""
        found, alias = self._target(), self._alias()
        pk = found.pk_of(what)
        if self._grade == "commit":
            return _commit.pending(found, pk, alias)
        if elsewhere(alias):
            return 0
        now = ledger(alias).look(found.label, pk)
        return now.waiting + (0 if now.applied else now.begun)

    @property
    def lost_at_most(self) -> int:
        """Hits that would be lost if this process were killed now; of ``add(page, 3)`` three.

        It is what was added since the last flush that has come back began. While the database
        answers that is what came in the last ``every`` seconds, ``most`` hits at most, and in the
        time that a flush takes. While it does not answer it is all that came meanwhile. Always 0
        with grade ``"commit"``.
        """
        if self._grade == "commit":
            return 0
        return ledger(self._alias()).hits(self._target().label)

    def flush(self) -> None:
        """Apply all that waits in this process for the database, now and in this thread.

        Nothing to do with grade ``"commit"``. Raises what the database raises; nothing is lost, and
        nothing is applied twice.

        Raises:
            RuntimeError: a transaction is under way.
            LaterError: this connection is in another schema or role than a new one.
        """
        if self._grade == "batch":
            alias = self._alias()
            self._refuse(alias)
            _transactions.refuse(alias)
            ledger(alias).flush_here()

    async def aflush(self) -> None:
        """``flush``."""
        await sync_to_async(self.flush)()


def _is_time(seconds: float) -> bool:
    return isfinite(seconds) and seconds > 0
