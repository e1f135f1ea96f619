"""Hypothesis plays the world: it looks for the shortest play in which somebody is served the old.

    python -c "from tests.cache.races.machine import main; main()" FOLDER EXAMPLES [CELL]

Beside the soak's functions there are pages; and people read without us, and invalidate.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from pathlib import Path
from typing import Any

from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    rule,
    run_state_machine_as_test,
)
from hypothesis.strategies import booleans, integers, lists, sampled_from

from . import cells, soak

if not django_settings.configured:  # else it is imported as the URLconf
    FOLDER, EXAMPLES, *NAMED = sys.argv[1:]
    CELL = {str(cell): cell for cell in cells.EMBEDDED + cells.SERVED}[
        NAMED[0] if NAMED else "sqlite-wal-embedded-locmem"
    ]
    PORTS = json.loads(NAMED[1]) if NAMED[1:] else {}
    soak.configure(CELL, Path(FOLDER), PORTS, ROOT_URLCONF=__name__)

from django.http import HttpRequest, JsonResponse
from django.test import Client
from django.urls import path

from unhurried.cache import Peek, cached_page
from unhurried.measure import measured

from . import site
from .models import Author, Book
from .moves import FUNCTIONS, PARTS, WRITES, asked
from .world import Actor, World, renewing

STEPS = 30
ACTORS = integers(0, 2)
STOPS = integers(0, 2)
WHICH = integers(0, 2)
ENDS = sampled_from(["", "commit", "renewal"])

#: Pages are made of the same parts and functions.
PAGES = {
    "page titles": (["titles"], [], "wait"),
    "page both": (["both"], ["names"], "refresh"),
    "page nested": (["names"], ["titles"], "wait"),
}
KINDS = {**FUNCTIONS, **PAGES}


class Page:
    """One that is asked for by its address; otherwise as a cached function."""

    def __init__(self, each: str, address: int) -> None:
        path = f"/{each.replace(' ', '/')}/{address}/"
        self.view, self.url = views[each], f"http://testserver{path}"  # the client's host

    def __call__(self) -> Any:
        return Client().get(self.url).json()

    def peek(self) -> Peek:
        return self.view.peek(self.url)

    def invalidate(self) -> None:
        self.view.invalidate(self.url)


def view_of(each: str) -> Any:
    def view(request: HttpRequest, address: int) -> JsonResponse:
        return JsonResponse(Library.current.bodies[each]())

    view.__qualname__ = each
    return cached_page(600, on_change=PAGES[each][2])(view)


views = {each: view_of(each) for each in PAGES}
urlpatterns = [
    path(f"{each.replace(' ', '/')}/<int:address>/", view) for each, view in views.items()
]


class Library(World):
    """One play's, with functions and addresses that nobody has used before."""

    kinds = KINDS
    current: Library
    plays = served_in_all = 0

    def __init__(self, driver: Any) -> None:
        Library.current, Library.plays = self, Library.plays + 1
        self.local, self.bodies = threading.local(), dict[str, Any]()
        Book.objects.all().delete()
        Author.objects.all().delete()
        super().__init__(driver, f"play {self.plays}")

    def _kept(self, each: str, name: str) -> Any:
        if each not in PAGES:
            return super()._kept(each, name)
        self.bodies[each] = self._body(each)
        return Page(each, self.plays)

    def look(self, actor: Actor, part: str) -> None:
        """Without us: in a transaction SQLite's snapshot is taken by it."""
        self._begin(actor, f"looks at {part}", lambda: asked(PARTS[part][0]))

    def invalidate(self, actor: Actor, function: str) -> None:
        def task() -> None:
            self.functions[function].invalidate()
            assert self.functions[function].peek().state != "fresh", f"{function} outlives it"

        self._begin(actor, f"invalidates {function}", task)

    def unit(self, actor: Actor) -> None:
        """Begin or end a unit of work: what is kept in it depends on what it has read before."""
        unit = vars(actor).pop("unit", None)
        if unit is None:
            actor.unit = unit = measured("unit of the machine")
            self._begin(actor, "begins a unit", unit.__enter__)
        else:
            self._begin(actor, "ends its unit", lambda: unit.__exit__(None, None, None))

    def end(self) -> None:
        for actor in self.actors:
            if not actor.busy and "unit" in vars(actor):
                self.unit(actor)
        super().end()
        Library.served_in_all += self.served


class Machine(RuleBasedStateMachine):
    """One play."""

    def __init__(self) -> None:
        super().__init__()
        self.world, self.functions = Library(DRIVER), list[str]()

    def one(self, number: int) -> Actor | None:
        """Of those who stand nowhere."""
        free = [actor for actor in self.world.actors if not actor.busy]
        return free[number % len(free)] if free else None

    @initialize(functions=lists(sampled_from([*KINDS]), min_size=2, max_size=3, unique=True))
    def about(self, functions: list[str]) -> None:
        """A few: there they meet more often."""
        self.functions = functions

    @rule(number=ACTORS, which=WHICH, stops=STOPS)
    def read(self, number: int, which: int, stops: int) -> None:
        if actor := self.one(number):
            self.world.read(actor, self.function(which), stops)

    @rule(number=ACTORS, which=WHICH)
    def read_again(self, number: int, which: int) -> None:
        """Without a stop; twice, so that the second is most often from the cache."""
        for _ in range(2):
            if actor := self.one(number):
                self.world.read(actor, self.function(which))

    @rule(number=ACTORS, part=sampled_from([*PARTS]))
    def look(self, number: int, part: str) -> None:
        if actor := self.one(number):
            self.world.look(actor, part)

    @rule(number=ACTORS, write=sampled_from([*WRITES]), stops=integers(0, 1))
    def write(self, number: int, write: str, stops: int) -> None:
        if actor := self.one(number):
            self.world.write(actor, write, stops)

    @rule(number=ACTORS, write=sampled_from([*WRITES]), at=ENDS)
    def write_in_a_transaction(self, number: int, write: str, at: str) -> None:
        """One of its own, or a savepoint; it may stand at its end."""
        if actor := self._entered(number):
            self.world.write(actor, write)
            if actor.atomics:  # else the database was locked
                self.world.leave(actor, False, bool(at), [at])

    @rule(number=ACTORS)
    def enter(self, number: int) -> None:
        """A transaction, or a savepoint in one."""
        self._entered(number)

    def _entered(self, number: int) -> Actor | None:
        actor = self.one(number)
        if actor and len(actor.atomics) < 3:
            self.world.enter(actor)
        return actor

    @rule(number=ACTORS, undo=booleans(), at=ENDS)
    def leave(self, number: int, undo: bool, at: str) -> None:
        within = [actor for actor in self.world.actors if actor.atomics and not actor.busy]
        if within:
            self.world.leave(within[number % len(within)], undo, bool(at), [at])

    @rule(number=ACTORS)
    def proceed(self, number: int) -> None:
        """Who stands somewhere goes on."""
        if busy := [each for each in self.world.actors if each.busy]:
            self.world.proceed(busy[number % len(busy)])

    @rule(number=ACTORS)
    def unit(self, number: int) -> None:
        if actor := self.one(number):
            self.world.unit(actor)

    @rule(number=ACTORS, which=WHICH)
    def invalidate(self, number: int, which: int) -> None:
        if actor := self.one(number):
            self.world.invalidate(actor, self.function(which))

    def function(self, which: int) -> str:
        return self.functions[which % len(self.functions)]

    def teardown(self) -> None:
        try:
            self.world.settle(self.functions)
        except BaseException:
            sys.stdout.write("\n".join([*self.world.told, "---", ""]))
            raise
        finally:
            self.world.end()


def main() -> None:
    """Says in JSON how much was played; a play that went wrong is Hypothesis's to tell."""
    logging.disable(logging.CRITICAL)  # SQLite is locked, often
    site.create_tables("default")
    global DRIVER
    DRIVER = soak.driver()
    unlimited = [HealthCheck.too_slow, HealthCheck.data_too_large]
    limits = settings(
        max_examples=int(EXAMPLES),
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        suppress_health_check=unlimited,
    )
    # Whichever play is on.
    with renewing(Current()):
        run_state_machine_as_test(Machine, settings=limits)
    said = {"cell": str(CELL), "plays": Library.plays, "served": Library.served_in_all}
    sys.stdout.write(json.dumps(said) + "\n")


class Current:
    """For what asks a world for its actor."""

    @property
    def local(self) -> Any:
        return Library.current.local
