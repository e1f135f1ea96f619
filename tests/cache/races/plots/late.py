"""The late store: read, then written by somebody else, then stored. And its neighbours."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction

from ..stage import Pause, Stage, renewals, scenario
from ..writes import WRITES


def raced(stage: Stage, name: str, write: Any, unit: bool) -> None:
    """A reader has read and not stored; ``write`` happens; then it stores."""
    kept, pause = stage.held(WRITES[name].read)
    before = stage.once(kept.__wrapped__.__wrapped__)
    reading = stage.actor(unit).begin(kept)
    pause.reached()
    write()
    pause.let_go()
    reading.result(20)
    assert stage.once(WRITES[name].read) != before, "the write changed nothing"
    stage.true(kept)


@scenario
def late_store(stage: Stage, name: str) -> None:
    raced(stage, name, partial(stage.once, WRITES[name].write), unit=False)


@scenario
def late_store_in_a_unit(stage: Stage, name: str) -> None:
    raced(stage, name, partial(stage.actor(True).do, WRITES[name].write), unit=True)


@scenario
def late_store_elsewhere(stage: Stage, name: str) -> None:
    """The writer is another process."""
    raced(stage, name, partial(stage.ask, "elsewhere", "write", name), unit=False)


@scenario
def kept_then_written(stage: Stage, name: str) -> None:
    """No race at all: what was fresh is not after the write."""
    kept = stage.kept(WRITES[name].read)
    before = stage.once(kept)
    assert stage.once(kept.peek).state == "fresh"
    stage.once(WRITES[name].write)
    assert stage.once(WRITES[name].read) != before, "the write changed nothing"
    assert stage.once(kept.peek).state != "fresh"
    stage.true(kept)


@scenario
def read_before_commit(stage: Stage, name: str) -> None:
    """Somebody reads, and keeps, between the write and its COMMIT."""
    kept, writer = stage.kept(WRITES[name].read), stage.actor()
    with transacted(writer):
        writer.do(WRITES[name].write)
        before = stage.once(kept)
    assert stage.once(kept.__wrapped__) != before, "the write changed nothing"
    stage.true(kept)


@scenario
def read_before_renewal(stage: Stage, name: str) -> None:
    """Somebody reads, and keeps, between COMMIT and the renewal; and holds it until after."""
    kept, late = stage.held(WRITES[name].read)
    pause = Pause()
    with renewals(pause):
        writing = stage.actor().begin(committed, WRITES[name].write)
        pause.reached()
        reading = stage.actor().begin(kept)
        late.reached()
        pause.let_go()
        writing.result(20)
    late.let_go()
    reading.result(20)
    stage.true(kept)


@scenario
def served_before_renewal(stage: Stage, name: str) -> None:
    """What was kept before may be served until the writer's call returns, not after."""
    kept, pause = stage.kept(WRITES[name].read), Pause()
    stage.once(kept)
    with renewals(pause):
        writing = stage.actor().begin(committed, WRITES[name].write)
        pause.reached()
        stage.once(kept)
        pause.let_go()
        writing.result(20)
    stage.true(kept)


def committed(write: Any) -> None:
    with transaction.atomic():
        write()


class transacted:  # noqa: N801 - reads like a function
    """An atomic block that lies in an actor's thread."""

    def __init__(self, actor: Any, **options: Any) -> None:
        self.actor, self.atomic = actor, transaction.atomic(**options)

    def __enter__(self) -> None:
        self.actor.do(self.atomic.__enter__)

    def __exit__(self, *error: Any) -> None:
        self.actor.do(self.atomic.__exit__, *error)
