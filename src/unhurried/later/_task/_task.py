"""``@task``, and the calls of it that wait."""

from __future__ import annotations

import copy
import functools
import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, ParamSpec, TypeVar, overload

from asgiref.sync import sync_to_async

from .. import _putting_off
from .._elsewhere import anywhere
from .._errors import LaterError
from .._outbox import journal
from .._outbox._clock import in_seconds
from .._outbox._kinds import TASK
from .._outbox._tables import chosen
from ._arguments import Written

P = ParamSpec("P")
R = TypeVar("R")

ATTEMPTS: Final = 5
LANE: Final = "default"

tasks: dict[str, Task[Any, Any]] = {}


class Task(Generic[P, R]):
    """A function that may be called later; called as it is, it runs here and now.

    ``delay(…)`` and ``enqueue(…)`` write the call down in the transaction that is open, if any: it
    is rolled back with it, and what the task sees is what was committed.
    """

    def __init__(
        self,
        function: Callable[P, R],
        *,
        name: str | None = None,
        lane: str = LANE,
        attempts: int = ATTEMPTS,
        unique: bool | str = False,
        atomic: bool = False,
        using: str | None = None,
    ) -> None:
        if not callable(function) or isinstance(function, type):
            raise TypeError(f"@task wants a function, not {function!r}.")
        self.function = function
        self.name = name or f"{function.__module__}.{function.__qualname__}"
        if "<locals>" in self.name:
            raise LaterError(
                f"@task: {self.name} is made anew with each call of what is around it, so no "
                "worker could find it.",
                "Define it at the top of its module.",
            )
        _check_lane(lane)
        if type(attempts) is not int or not 1 <= attempts <= 100:
            raise ValueError(f"@task(attempts={attempts!r}): an int from 1 to 100.")
        self.lane, self.attempts, self.atomic, self.using_alias = lane, attempts, atomic, using
        self.unique: bool | str = unique
        self.run_after: datetime | timedelta | float | None = None
        functools.update_wrapper(self, function, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def __repr__(self) -> str:
        return f"<task {self.name}>"

    def using(
        self,
        *,
        run_after: datetime | timedelta | float | None = None,
        unique: bool | str | None = None,
        lane: str | None = None,
        database: str | None = None,
    ) -> Task[P, R]:
        """The same task, called otherwise: ``remind.using(run_after=timedelta(days=1)).delay(pk)``.

        Args:
            run_after: a moment, or a timedelta or seconds from now.
            unique: while such a call waits, others are dropped. True: such with the same
                arguments; a text: such with the same text.
            lane: where it waits.
            database: the alias of the database that it waits in.
        """
        other = copy.copy(self)
        if run_after is not None:
            other.run_after = run_after
        if unique is not None:
            other.unique = unique
        if lane is not None:
            _check_lane(lane)
            other.lane = lane
        if database is not None:
            other.using_alias = database
        return other

    def delay(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Let it be called with these arguments after the commit, at least once.

        Querysets become lists, at no query if they have been evaluated; instances are loaded
        again when the task runs.

        Raises:
            TypeError, ValueError: an argument can't be written down; it is named.
            LaterError: ``unhurried.later`` is not among INSTALLED_APPS; or this connection is in
                another schema or role than a new one, as the task's would be.
        """
        self._refuse()
        _putting_off.tell(f"a delayed task ({self.name})")
        body = Written(self.function.__name__).body(args, kwargs)
        journal(
            kind=TASK,
            target=self.name,
            lane=self.lane,
            bodies=[body],
            using=self.using_alias or chosen(),
            key=self._key(body),
            due=self._due(),
        )

    def _refuse(self) -> None:
        if where := anywhere():
            raise LaterError(
                f"{self.name} would not run within {where}, as this connection does: a worker's is "
                "where a new one is.",
                "Delay it outside of that, and pass what tells the task where to go; or call it.",
            )

    enqueue = delay

    async def adelay(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """``delay`` for async code; as Django's own, it is not part of a transaction."""
        await sync_to_async(self.delay)(*args, **kwargs)

    aenqueue = adelay

    def _key(self, body: Mapping[str, Any]) -> str | None:
        if not self.unique:
            return None
        text = self.unique if isinstance(self.unique, str) else json.dumps(body, sort_keys=True)
        return hashlib.sha256(f"{self.name}\0{text}".encode()).hexdigest()

    def _due(self) -> Any:
        after = self.run_after
        if after is None:
            return None
        if isinstance(after, datetime):
            after = after.astimezone(UTC) - datetime.now(UTC)  # within a zone it is of the wall
        return in_seconds(after.total_seconds() if isinstance(after, timedelta) else after)


@overload
def task(function: Callable[P, R], /) -> Task[P, R]: ...
@overload
def task(
    *,
    name: str | None = None,
    lane: str = LANE,
    attempts: int = ATTEMPTS,
    unique: bool | str = False,
    atomic: bool = False,
    using: str | None = None,
) -> Callable[[Callable[P, R]], Task[P, R]]: ...
def task(function: Any = None, /, **options: Any) -> Any:
    """Let a function be called later: ``@task``, then ``mark_received.delay(message_ids)``.

    It is called at least once: after a crash perhaps twice, so calling it again must do no harm.
    With ``atomic`` what it writes to the database that it waits in, and the note that it is done,
    are one transaction: that much of it happens once.

    Args:
        name: what workers know it by; default: the dotted path.
        lane: where it waits; ``manage.py unhurried drain --lane`` works off one.
        attempts: an exception has it tried again, later each time; after so many it is laid
            aside with the reason.
        unique: while a call waits, an equal one is dropped.
        using: the database it waits in; default: where the router writes ``unhurried.later``.

    Raises:
        LaterError: another function has that name, or no worker could find this one.
    """

    def register(function: Callable[..., Any]) -> Task[..., Any]:
        made = Task(function, **options)
        other = tasks.setdefault(made.name, made)
        if _place(other) != _place(made):
            raise LaterError(
                f"@task: {made.name!r} is the name of {_place(other)} too.",
                "Give one of them another: @task(name=…).",
            )
        tasks[made.name] = made  # its module may have been loaded again
        return made

    return register if function is None else register(function)


def _check_lane(lane: object) -> None:
    if not isinstance(lane, str) or not lane or "." in lane:
        raise ValueError(f"@task(lane={lane!r}): a lane's name is a text without dots.")


def _place(made: Task[Any, Any]) -> str:
    return f"{made.function.__module__}.{made.function.__qualname__}"
