"""The cache server is flushed, stopped, started again or restored from disk; the test does it."""

from __future__ import annotations

from typing import Any

from ..models import Book
from ..stage import Stage, scenario
from ..writes import titles, update
from .transactions import kept_fresh, rename


def meanwhile(stage: Stage, what: str, *, write_first: bool) -> Any:
    """A reader has read, and keeps only after ``what`` happened to the server, and a write."""
    kept, pause = stage.held(titles)
    reading = stage.actor().begin(kept)
    pause.reached()
    steps = [lambda: stage.once(rename), lambda: stage.ask(what)]
    for step in steps if write_first else reversed(steps):
        step()
    pause.let_go()
    reading.result(20)
    stage.true(kept)
    Book.objects.filter(title="renamed").update(title="first")


@scenario
def flushed(stage: Stage) -> None:
    for write_first in (True, False):
        meanwhile(stage, "flush", write_first=write_first)


@scenario
def restarted(stage: Stage) -> None:
    for write_first in (True, False):
        meanwhile(stage, "restart", write_first=write_first)


@scenario
def restored(stage: Stage) -> None:
    """Tokens and entries are back as they were before the write: nothing old is served."""
    kept = kept_fresh(stage)
    stage.ask("save")
    stage.once(rename)
    stage.true(kept)
    stage.ask("crash")
    stage.true(kept)


@scenario
def restored_meanwhile(stage: Stage) -> None:
    """The same while a reader computes, and while one unit goes on over it."""
    kept = kept_fresh(stage)
    late, pause = stage.held(titles)
    reading = stage.actor(True).begin(late)
    pause.reached()
    stage.ask("save")
    stage.once(rename)
    stage.ask("crash")
    pause.let_go()
    reading.result(20)
    stage.true(kept)
    stage.true(late)


@scenario
def stopped(stage: Stage) -> None:
    """Without the server pages are computed, writes go through; with it again, all is true."""
    kept = kept_fresh(stage)
    stage.ask("stop")
    stage.true(kept)
    stage.once(rename)
    stage.true(kept)
    stage.ask("start")
    stage.true(kept)
    stage.once(update)
    stage.true(kept)


@scenario
def unreachable_for_the_writer(stage: Stage) -> None:
    """Its renewal fails; its process keeps and serves nothing with that tag; then all is true."""
    kept = kept_fresh(stage)
    stage.ask("elsewhere", "unreachable", "update")
    assert "updated" in stage.once(titles)
    stage.ask("elsewhere", "true", kept.key())
    stage.ask("elsewhere", "reachable")
    stage.true(kept)


@scenario
def evicting(stage: Stage) -> None:
    """The server has no room: tokens and entries go as it likes, and nothing is ever old."""
    kept = [stage.kept(titles) for _ in range(5)]
    for number in range(30):
        stage.ask("fill", number)
        for each in kept:
            stage.true(each)
        stage.once(lambda number=number: Book.objects.update(title=f"t{number}"))
