"""Slides 9, 10 and 54: measure twice, the ten causes, the five rooms."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
from django.test import Client

from tests.diagnose.test_verdict import FAULTS, loop
from tests.diagnose.windows import healthy
from unhurried.diagnose import _promises
from unhurried.diagnose._asking import ledger_of, of
from unhurried.diagnose._verdict import CAUSES
from unhurried.measure import snapshot
from unhurried.measure.reading import Window

ROOMS = {"measure": 1, "cache": 2, "later": 3, "queries": 4, "db": 5}


def windows() -> list[Callable[[], Window]]:
    return [make for make, _, _ in FAULTS.values()]


def test_09_no_remedy_without_the_measurement_that_calls_for_it():
    for make in windows():
        for cause in of(make()).findings:
            assert any(character.isdigit() for line in cause.evidence for character in line)
            assert cause.share > 0 or cause.key == "debug"
    assert of(healthy()).findings == []


def test_09_none_is_called_done_without_the_one_that_shows_it_paid():
    """A finding says how to look again, and is verified only where it was replayed."""
    for make in windows():
        for cause in of(make()).findings:
            assert cause.verify.startswith("manage.py ")
            assert not cause.verified  # nobody has replayed anything here


def test_09_what_was_promised_stands_beside_what_was_had(monkeypatch: pytest.MonkeyPatch):
    """``tests/diagnose/test_promises.py`` has it on a real store."""
    slow, fixed = loop(), healthy()
    told = _promises._promise(of(slow).findings[0])
    promise = _promises._had(told, ledger_of(slow), ledger_of(fixed))
    assert promise.promised == pytest.approx(0.91, abs=0.05)
    assert promise.had == pytest.approx(1 - 8.1 / 60.1)


@pytest.mark.parametrize("cause", CAUSES)
def test_10_each_of_the_ten_is_told_by_name(cause: str):
    told = [of(make()) for make, name, _ in FAULTS.values() if name == cause]
    assert told
    for verdict in told:
        assert verdict.findings[0].cause == cause
        assert verdict.findings[0].title in verdict.said


def test_54_the_five_rules_are_five_rooms(client: Client, store: object):
    for room in ROOMS:
        module = importlib.import_module(f"unhurried.{room}")
        assert sum(map(callable, (getattr(module, name) for name in module.__all__))) >= 1
        assert module.__doc__
    client.get("/empty/")
    assert snapshot()["routes"]["empty/"]["requests"] == 1
