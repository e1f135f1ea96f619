"""Moments and releases of a clock that was ahead, and has been set back."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.test import Client

from unhurried.measure import _moments, _releases, _sampler
from unhurried.measure._layout import VERSION
from unhurried.measure.reading import reader, releases, window

HOUR = 3600.0


@pytest.fixture
def history(store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where moments lie; this process is elected, too, and would keep its own."""
    monkeypatch.setattr(_sampler, "_remember", lambda *args, **kwargs: None)
    return store / f"v{VERSION}" / "history.sqlite"


def taken(ahead: float) -> _moments.Moment:
    source = reader()
    assert source is not None
    return _moments.take(source, time.time() + ahead)


def test_a_moment_of_the_future_begins_no_window(client: Client, history: Path) -> None:
    client.get("/empty/")
    _moments.save(history, taken(HOUR))
    client.get("/empty/")
    found = window(5)
    assert found.whole
    assert found.seconds > 0
    assert found.units["request", "empty/"]["requests"] == 2


def test_a_release_of_the_future_is_none(client: Client, history: Path) -> None:
    client.get("/empty/")
    _releases.mark(history, "one", taken(-60))
    _releases.mark(history, "two", taken(HOUR))
    assert [each.name for each in releases()] == ["one"]
    client.get("/empty/")
    assert window().whole, "nothing is known of when the second began"
    _releases.mark(history, "two", taken(-30))
    client.get("/empty/")
    assert [each.name for each in releases()] == ["one", "two"]
    assert window().units["request", "empty/"]["requests"] == 1
