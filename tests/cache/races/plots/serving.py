"""Who gets what while one recomputes."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import Any

from unhurried import testing
from unhurried.cache import invalidate

from ..models import Book
from ..stage import PATIENCE, Pause, Stage, scenario
from ..writes import authors, titles, update
from .transactions import kept_fresh, rename


def regenerating(stage: Stage, **options: Any) -> tuple[Any, Pause, Any]:
    """Something kept, then changed, then read by one who stops while he computes."""
    kept, pause = stage.held(titles, **options)
    pause.let_go()
    stage.once(kept)
    pause.__init__()  # type: ignore[misc]
    stage.once(rename)
    computing = stage.actor().begin(kept)
    pause.reached()
    return kept, pause, computing


@scenario
def refresh(stage: Stage) -> None:
    """The first reader gets the new value, those who come meanwhile the old one, flagged."""
    kept, pause, computing = regenerating(stage, on_change="refresh")
    assert "renamed" not in stage.once(kept)
    assert stage.once(kept.peek).state == "stale"
    pause.let_go()
    assert "renamed" in computing.result(20)
    assert stage.once(kept.peek).state == "fresh"
    stage.true(kept)


@scenario
def refresh_written_again(stage: Stage) -> None:
    """A second write while the first reader computes: what it keeps is old already."""
    kept, pause, computing = regenerating(stage, on_change="refresh")
    stage.once(update)
    assert stage.once(kept.peek).state == "stale"
    pause.let_go()
    computing.result(20)
    assert stage.once(kept.peek).state != "fresh"
    stage.true(kept)


@scenario
def wait(stage: Stage) -> None:
    """Nobody gets the old value: who comes meanwhile waits."""
    kept, pause, computing = regenerating(stage)
    others = [stage.actor().begin(kept) for _ in range(3)]
    time.sleep(0.1)
    assert not any(other.done() for other in others)
    pause.let_go()
    assert all("renamed" in each.result(20) for each in (computing, *others))
    stage.true(kept)


@scenario
def wait_is_over(stage: Stage) -> None:
    """Whoever has waited computes; and the slow one, done at last, keeps nothing old."""
    with testing.override(WAIT=0.2):
        kept, pause, computing = regenerating(stage)
        assert "renamed" in stage.once(kept)
        stage.once(update)
        assert "updated" in stage.once(kept)
        pause.let_go()
        computing.result(20)
        stage.true(kept)


@scenario
def serve(stage: Stage) -> None:
    """Everybody gets the old value, flagged, until the background has made the new one."""
    kept = kept_fresh(stage, on_change="serve")
    stage.once(rename)
    assert stage.once(kept.peek).state == "stale"
    deadline = time.monotonic() + PATIENCE
    while "renamed" not in stage.once(kept):
        assert time.monotonic() < deadline, "the background never came"
        time.sleep(0.01)
    assert stage.once(kept.peek).state == "fresh"
    stage.true(kept)


@scenario
def regeneration_fails(stage: Stage) -> None:
    """It never overwrites, and is never taken for fresh."""
    broken: list[int] = []

    def read() -> Any:
        if broken:
            raise ValueError("broken")
        return titles()

    for mode in ("refresh", "wait", "serve"):
        kept = kept_fresh(stage, read, on_change=mode)
        stage.once(lambda mode=mode: Book.objects.update(title=mode))
        broken.append(1)
        for _ in range(2):
            with contextlib.suppress(ValueError):
                stage.once(kept)
        assert stage.once(kept.peek).state == "stale"
        broken.clear()


@scenario
def invalidated_late(stage: Stage) -> None:
    """invalidate() while somebody computes: by name, by model, by instance, by call."""
    source = ["old"]
    for way in ("name", "model", "instance", "call"):
        source[:] = ["old"]
        kept, pause = stage.held(lambda: [*source, *titles()])
        reading = stage.actor().begin(kept)
        pause.reached()
        source[:] = ["new"]
        ways = {
            "name": lambda kept=kept: invalidate(kept.key().partition(":")[0]),
            "model": lambda: invalidate(Book),
            "instance": lambda: invalidate(Book.objects.first()),
            "call": kept.invalidate,
        }
        stage.once(ways[way])
        pause.let_go()
        reading.result(20)
        assert stage.once(kept)[0] == "new", way


@scenario
def crowd(stage: Stage) -> None:
    """Fifty threads, all of them cold: one computes; after a write, one more."""
    computed: list[int] = []
    gate = threading.Barrier(51)

    def read() -> Any:
        computed.append(1)
        time.sleep(0.05)
        return [titles(), authors()]

    kept = stage.kept(read)

    def come() -> Any:
        gate.wait(PATIENCE)
        return kept()

    actors = [stage.actor() for _ in range(50)]
    for write in (None, rename):
        if write:
            stage.once(write)
        coming = [actor.begin(come) for actor in actors]
        gate.wait(PATIENCE)
        values = [each.result(PATIENCE) for each in coming]
        assert all(value == values[0] for value in values)
        assert len(computed) == (2 if write else 1), f"computed {len(computed)} times"
    stage.true(kept)
