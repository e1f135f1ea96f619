"""Whoever applies writes says now and then what deferring is worth, to log and sinks."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from tests.later.inbox.models import Message
from unhurried import testing
from unhurried.later import _drain, _report, later
from unhurried.later._writing._advice import LaneFigures
from unhurried.later.reading import drain, paused
from unhurried.management.commands import unhurried as command
from unhurried.measure import measured, snapshot

from .test_advice import DEAR

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def first(monkeypatch: pytest.MonkeyPatch, store: Any) -> Iterator[None]:
    monkeypatch.setattr(_report, "_next", 0.0)
    monkeypatch.setattr(_report, "_advised", set())
    _drain.install()
    with paused():
        yield


def write() -> None:
    with measured("a page"):
        Message.objects.create(text="hello")
        list(Message.objects.all())
    later(Message.objects.all()).update(views=3)
    drain(once=True)


def test_the_ratio_is_a_gauge() -> None:
    write()
    gauges = snapshot()["gauges"]
    assert gauges["unhurried.later.writes_per_read.default"] > 0
    assert gauges["unhurried.later.write_cost_in_reads.default"] > 0


def test_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[bool] = []
    monkeypatch.setattr(_report, "report", lambda: told.append(True))
    write()
    write()
    assert told == [True]
    monkeypatch.setattr(_report, "_next", 0.0)
    write()
    assert told == [True, True]


def test_nothing_is_said_where_nothing_was_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_report, "report", lambda: pytest.fail("there was nothing"))
    drain(once=True)


def test_advice_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lanes = {"inbox.Message": LaneFigures("inbox.Message", **DEAR), "b": LaneFigures("b")}
    monkeypatch.setattr(_report, "figures_of_lanes", lambda: lanes)
    with caplog.at_level(logging.INFO, logger="unhurried"):
        _report.report()
        _report.report()
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith("later, inbox.Message: A plain guarded update would be cheaper: ")


def test_drain_says_it_at_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = {"inbox.Message": LaneFigures("inbox.Message", **DEAR)}
    monkeypatch.setattr(command, "figures_of_lanes", lambda: lanes)
    out = StringIO()
    call_command("unhurried", "drain", "--once", stdout=out)
    assert "inbox.Message: A plain guarded update would be cheaper" in out.getvalue()


def test_what_fails_there_keeps_nothing_from_being_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> None:
        raise OSError("no store")

    monkeypatch.setattr(_report, "report", fails)
    with testing.override(STRICT=False):
        write()
    assert list(Message.objects.values_list("views", flat=True)) == [3]
