"""Three connections, functions that are kept, random steps; the database itself is the oracle.

What is served must be what the database says at that moment, read past Django: on a connection of
nobody, or on the player's own where he has changed something. The exception is a writer who stands
between his COMMIT and the renewal: until his call returns, what was true before may be served.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from django.core.cache import caches
from django.db import DatabaseError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from unhurried.cache import cached
from unhurried.cache._engine import _note
from unhurried.cache._units import _ends

from .models import Author, Book
from .moves import FUNCTIONS, PARTS, WRITES, asked, rows
from .players import Player

Value = dict[str, Any]
#: Where somebody may stop: after a part was read, before COMMIT, between COMMIT and the renewal.
POINTS: Iterable[str] = ("computing", "commit", "renewal")


class StaleError(AssertionError):
    """Something old was served as fresh."""


class Actor(Player):
    """One connection: its transaction, what it dirtied, what it has committed and not renewed."""

    def __init__(self, mine: int) -> None:
        super().__init__()
        self.mine = mine
        self.atomics: list[Any] = []
        self.dirty: set[str] = set()
        self.before: Value | None = None  # as it was when its COMMIT began, until its call returns
        self.stops = 0  # how often it may still stop in this step's task
        self.points = POINTS  # and where
        self.computing: list[str] = []
        self.computed: set[str] = set()
        self.failed: set[str] = set()

    def may_stop(self, where: str = "computing") -> None:
        if self.stops and where in self.points:
            self.stops -= 1
            self.stop()


class World:
    """``driver``: a connection to the same database that is not Django's, in autocommit."""

    kinds = FUNCTIONS

    def __init__(self, driver: Any, name: str = "soak") -> None:
        self.driver, self.served, self.numbers = driver, 0, 0
        self.told: list[str] = []
        self.last: Value = {}
        #: How often each has failed since it came to an end, and until when nobody tries it again.
        self.resting: dict[str, tuple[int, float]] = {}
        # Entries in SQLite meet its locks: a lease that can't be given back is held to its end.
        self.leases_fail = "DatabaseCache" in type(caches["default"]).__name__
        self.locked = connection.Database.OperationalError
        authors = [Author.objects.create(name=f"author {number}") for number in range(3)]
        for author in authors:
            Book.objects.create(author=author, title=f"by {author.pk}")
        self.actors = [Actor(author.pk) for author in authors]
        self.local = threading.local()
        self.functions = {each: self._kept(each, name) for each in self.kinds}

    def _kept(self, each: str, name: str) -> Any:
        body, on_change = self._body(each), self.kinds[each][2]
        return cached(600, key=f"{name}-{each}", on_change=on_change)(body)

    def _body(self, each: str) -> Callable[[], Value]:
        parts, inner, _ = self.kinds[each]

        def body() -> Value:
            actor: Actor = self.local.actor
            actor.computing.append(each)
            actor.may_stop()
            value = {}
            try:
                for function in inner:
                    value.update(self._read(function))
                for part in parts:
                    value[part] = asked(PARTS[part][0])
                    actor.may_stop()
            except DatabaseError:
                actor.failed.add(each)
                self._rests(each)
                raise
            self.resting.pop(each, None)
            actor.computed.add(each)
            actor.computing.remove(each)
            return value

        return body

    def _rests(self, each: str) -> None:
        """Autovacuum locks a table it cuts, and a reader is told at once: seldom, but it is."""
        tries = self.resting.get(each, (0, 0.0))[0] + 1
        self.resting[each] = tries, time.time() + _note.pause(tries)

    # What an actor may be told to do, each one step or, with stops, several.

    def read(self, actor: Actor, function: str, stops: int = 0) -> None:
        said = f"reads {function}, {stops} stops"
        self._begin(actor, said, lambda: self._read(function), stops)

    def write(self, actor: Actor, write: str, stops: int = 0) -> None:
        self.numbers += 1
        new = f"{write} {self.numbers}"

        def task() -> None:
            actor.dirty |= WRITES[write][1]
            if not actor.atomics:
                actor.before = self.truth()
            WRITES[write][0](actor.mine, new)

        self._begin(actor, f"writes {new}, {stops} stops", task, stops)

    def enter(self, actor: Actor) -> None:
        def task() -> None:
            atomic = transaction.atomic()
            atomic.__enter__()
            actor.atomics.append(atomic)

        self._begin(actor, "enters", task)

    def leave(
        self, actor: Actor, undo: bool = False, stops: int = 0, points: Iterable[str] = POINTS
    ) -> None:
        def task() -> None:
            if len(actor.atomics) == 1 and not undo:
                actor.before = self.truth()
            error = ValueError("undone") if undo else None
            actor.atomics.pop().__exit__(error and ValueError, error, None)

        said = f"{'undoes' if undo else 'leaves'}, {stops} stops at {', '.join(points)}"
        self._begin(actor, said, task, stops, points)

    def proceed(self, actor: Actor) -> None:
        self._step(actor, "goes on", None)

    def settle(self, functions: Iterable[str] = ()) -> None:
        """Everybody comes to an end; then whatever is served is the truth."""
        for actor in self.actors:
            while actor.busy:
                self.proceed(actor)
            while actor.atomics:
                self.leave(actor)
        for function in functions or self.kinds:
            self.read(self.actors[0], function)

    def end(self) -> None:
        for actor in self.actors:
            actor.stops = 0
            while actor.busy:
                actor.step()
            actor.leave()

    def _begin(
        self,
        actor: Actor,
        said: str,
        task: Callable[[], Any],
        stops: int = 0,
        points: Iterable[str] = POINTS,
    ) -> None:
        def own() -> None:
            self.local.actor = actor
            try:
                task()
            except DatabaseError as error:
                self.told.append(f"  {error}")
                undo_all(actor)
                if actor.before in (None, self.truth()):
                    actor.dirty = set()  # nothing of it was committed: others' excuses stand

        actor.stops, actor.points = stops, points
        self._step(actor, said, own)

    def _step(self, actor: Actor, said: str, task: Callable[[], Any] | None) -> None:
        self.told.append(f"{self.actors.index(actor)} {said}")
        actor.step(task)
        if not actor.busy:
            self._returned(actor)

    def _returned(self, actor: Actor) -> None:
        """Its call is over. Nobody may be served what was true before its COMMIT any more."""
        actor.computing.clear()
        actor.failed.clear()
        if actor.atomics:
            return
        if actor.before is not None:
            for other in self.actors:
                for part in [*(other.before or ())]:
                    if PARTS[part][1] & actor.dirty:
                        del other.before[part]  # type: ignore[union-attr]
        actor.before, actor.dirty = None, set()

    # The oracle.

    def truth(self) -> Value:
        return {part: self._true(part) for part in PARTS}

    def _true(self, part: str) -> list[Any]:
        try:
            self.last[part] = rows(self.driver.execute(PARTS[part][0]))
        except self.locked:
            pass  # SQLite after a COMMIT that was refused: nothing has changed since it began
        return self.last[part]

    def _read(self, function: str) -> Value:
        actor: Actor = self.local.actor
        actor.computed.discard(function)
        value: Value = self.functions[function]()
        if function not in actor.computed:
            self.served += 1
            self._judge(actor, function, value)
        return value

    def _judge(self, actor: Actor, function: str, value: Value) -> None:
        for part, got in value.items():
            sql, tables = PARTS[part]
            # His own view only of what he has changed: asked past Django before his transaction's
            # first statement, the question itself would take SQLite's snapshot, unseen by the tap.
            own = tables & actor.dirty
            truth = rows(connection.connection.execute(sql)) if own else self._true(part)
            if got == truth:
                continue
            if any((other.before or {}).get(part) == got for other in self.actors):
                continue  # a writer's call has not returned
            if self._excused(actor, function):
                continue
            peek = self.functions[function].peek()
            said = f"{function}.{part} is {peek.state}, {peek.age} s old"
            raise StaleError(f"{said}\nserved {got}\ntrue   {truth}\n")

    def _excused(self, actor: Actor, function: str) -> bool:
        """Old, and said to be so: somebody makes the new one, or the database refused to."""
        makes = any(function in other.computing for other in self.actors) or self.leases_fail
        refreshes = self.kinds[function][2] == "refresh" and makes
        rests = time.time() < self.resting.get(function, (0, 0.0))[1]
        if function in actor.failed or refreshes or rests:
            return bool(self.functions[function].peek().state == "stale")
        return False


def undo_all(actor: Actor) -> None:
    while actor.atomics:
        error = ValueError("undone")
        actor.atomics.pop().__exit__(ValueError, error, None)


@contextmanager
def renewing(world: World) -> Iterator[None]:
    """Actors may stop before a COMMIT, after its tokens were touched, and before the renewal."""
    renew, commit = _ends.renew, BaseDatabaseWrapper._commit

    def may_stop(where: str) -> None:
        actor = getattr(world.local, "actor", None)
        if actor is not None and threading.current_thread() is actor:
            actor.may_stop(where)

    def late_renewal(*args: Any) -> None:
        may_stop("renewal")
        renew(*args)

    def late_commit(*args: Any) -> None:
        may_stop("commit")
        commit(*args)

    with (
        mock.patch.object(_ends, "renew", late_renewal),
        mock.patch.object(BaseDatabaseWrapper, "_commit", late_commit),
    ):
        yield


def play(world: World, chance: random.Random, steps: int) -> None:
    """One random interleaving, about a few functions: there they meet more often."""
    world.told.clear()
    functions = chance.sample([*FUNCTIONS], 2)
    for _ in range(steps):
        actor = chance.choice(world.actors)
        if actor.busy:
            world.proceed(actor)
            continue
        what, stops = chance.random(), chance.choice((0, 0, 1, 2))
        if what < 0.6:
            world.read(actor, chance.choice(functions), stops)
        elif what < 0.8:
            world.write(actor, chance.choice([*WRITES]), min(stops, 1))
        elif actor.atomics and what < 0.92:
            world.leave(actor, chance.random() < 0.4, stops)
        elif len(actor.atomics) < 3:
            world.enter(actor)
    world.settle(functions)
