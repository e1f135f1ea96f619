"""Fixtures of every suite."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from django.core.management.commands import flush
from django.db import connections
from django.utils import timezone, translation

from unhurried import testing
from unhurried.cache._engine import _changes, _counts
from unhurried.cache._front import _tally
from unhurried.cache._units._unit import current as unit
from unhurried.measure import _end, _sampler, snapshot
from unhurried.measure._compiled import compiled

# Nothing judges speed in a test.
_HYPOTHESIS = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("here", **_HYPOTHESIS)
hypothesis.settings.load_profile("here")


def pytest_report_header() -> str:
    """Which half is tried: ``make test C=1`` tries the compiled one."""
    version = getattr(compiled, "__version__", None)
    return f"unhurried_c {version}" if version else "unhurried in Python alone"


@pytest.fixture(autouse=True)
def nobodys_language() -> None:
    """What a test has left active in this thread is not what the next one's threads have."""
    translation.deactivate()
    timezone.deactivate()
    unit.set(None)  # one that was begun by a function that is cached has seen that test's tables


@pytest.fixture(autouse=True, scope="session")
def rights_stay() -> Iterator[None]:
    """What ``migrate`` fills itself outlives a flush: to make it anew took half of such a test.

    ``flush`` empties all tables after each test that commits, then content types and permissions
    are made again, some 200 rows.
    """
    names = ('"auth_permission"', '"django_content_type"')
    made, emitted = flush.sql_flush, flush.emit_post_migrate_signal

    def sql_flush(style: Any, connection: Any, **kwargs: Any) -> list[str]:
        found = made(style, connection, **kwargs)
        if connection.vendor != "sqlite":  # one TRUNCATE of all
            return found
        return [each for each in found if not any(name in each for name in names)]

    def emit(verbosity: int, interactive: bool, db: str, **kwargs: Any) -> None:
        if connections[db].vendor != "sqlite":
            emitted(verbosity, interactive, db, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flush, "sql_flush", sql_flush)
        patch.setattr(flush, "emit_post_migrate_signal", emit)
        yield


@pytest.fixture
def own_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests have left for the end of the process is not done in this one."""
    monkeypatch.setattr(_end, "_works", {})


SAMPLER = _sampler._begin


@pytest.fixture(autouse=True, scope="session")
def nobody_samples() -> Iterator[None]:
    """Who is elected resigns: the thread would read, write and speak in whatever test is next."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_sampler, "_begin", lambda folder, fd: _sampler._resign(fd))
        yield


@pytest.fixture
def sampling(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a test of the thread itself: who is elected begins."""
    monkeypatch.setattr(_sampler, "_begin", SAMPLER)


@pytest.fixture
def nothing_waits() -> None:
    """Other tests have counted things that are not written yet: whoever reads would write them."""
    _counts.seen.clear()
    _changes._waiting.clear()
    _tally._forked()


@pytest.fixture
def store(tmp_path: Path, nothing_waits: None) -> Iterator[Path]:
    """A fresh store for this test alone, and nothing of another's that waits to be written."""
    folder = tmp_path / "store"
    with testing.override(STORE=folder):
        yield folder


@pytest.fixture
def route(store: Path) -> Callable[[str], dict[str, Any]]:
    """What was measured for one route so far."""

    def look_up(name: str) -> dict[str, Any]:
        return snapshot()["routes"][name]

    return look_up
