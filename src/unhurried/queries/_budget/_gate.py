"""The gate every statement passes while something is forbidden or allowed: it hears them before.

A statement is judged once, by the innermost allowance that takes it; those who count ask for the
verdict when it has come back.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import Lock
from types import FrameType
from typing import Any, Final, Protocol

from unhurried.measure import reading as measure

from .._find._frames import DEPTH, walk
from .._find._groups import Read
from .._sql._fingerprint import fingerprint
from ._listing import WIDTH, one_line


class Asking:
    """A statement that is about to be sent: what, from where, for which relation."""

    def __init__(self, statement: Any, frame: FrameType) -> None:
        found = walk(frame, DEPTH)
        self.statement = statement
        self.read = Read(found)
        self.lines = [place.site().label for place in found.places]
        self.relation = self.read.relation.label if self.read.relation else None
        self.sql = one_line(fingerprint(statement.sql, statement.vendor))

    def __str__(self) -> str:
        at = self.lines[0] if self.lines else "no line of the project"
        through = f" (by {', '.join(self.lines[1:])})" if self.lines[1:] else ""
        what = f"{self.relation}, " if self.relation else ""
        return f"{at}{through}: {what}{self.sql[:WIDTH]}"


class Judge(Protocol):
    """An allowance takes a statement or not; a ban raises."""

    def hears(self, asking: Asking) -> bool: ...


allowances: ContextVar[tuple[Judge, ...]] = ContextVar("unhurried_allowances", default=())
bans: ContextVar[tuple[Judge, ...]] = ContextVar("unhurried_bans", default=())
_allowed: dict[int, Any] = {}  # statements under way, by id, kept alive so that it stays theirs
_users = 0
_lock = Lock()


class Gate:
    """A guard of the tap."""

    def before(self, statement: Any) -> None:
        judges = *reversed(allowances.get()), *reversed(bans.get())
        if not judges or measure.is_control(statement.sql):
            return
        asking = Asking(statement, sys._getframe(1))
        if any(judge.hears(asking) for judge in judges):
            _allowed[id(statement)] = statement

    def after(self, statement: Any, error: BaseException | None) -> None:
        _allowed.pop(id(statement), None)


_gate: Final = Gate()


def is_allowed(statement: Any) -> bool:
    """Whether an allowance has taken this statement, which is under way."""
    return id(statement) in _allowed


@contextmanager
def judging(judges: ContextVar[tuple[Judge, ...]], judge: Judge) -> Iterator[None]:
    """Let ``judge`` hear what is asked in this context, and those that inherit it."""
    _hold(+1)
    token = judges.set((*judges.get(), judge))
    try:
        yield
    finally:
        judges.reset(token)
        _hold(-1)


def _hold(more: int) -> None:
    """The gate is there as long as somebody needs it."""
    global _users
    with _lock:
        _users += more
        if _users and _gate not in measure.guards:
            measure.install_tap()
            measure.guards.append(_gate)
        elif not _users:
            measure.guards.remove(_gate)
