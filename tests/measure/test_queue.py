"""X-Request-Start in seconds, milliseconds, microseconds and nanoseconds; never an absurd wait."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from unhurried.measure import _queue, snapshot
from unhurried.measure._queue import OLDEST, parse
from unhurried.testing import override

NOW = 1_800_000_000.0


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("form", ["t={}", "{}", " {} "])
def test_every_unit_is_understood(unit: float, form: str, monkeypatch: Any) -> None:
    monkeypatch.setattr(_queue, "time", lambda: NOW)
    stamp = (NOW - 0.25) * unit
    waited = parse(form.format(stamp if unit == 1 else int(stamp)))
    assert waited == pytest.approx(0.25e9, rel=0.01)


@pytest.mark.parametrize(
    "absurd",
    ["", "t=", "t=abc", "nan", "inf", "-inf", "-1", "0", "12", "1e400", "t=t=1", "1_0", "٣"],
)
def test_what_cant_be_meant_is_rejected(absurd: str) -> None:
    assert parse(absurd) is None


def test_the_future_and_the_distant_past_are_rejected(monkeypatch: Any) -> None:
    monkeypatch.setattr(_queue, "time", lambda: NOW)
    assert parse(f"t={NOW + 5}") is None
    assert parse(f"t={NOW - OLDEST - 5}") is None
    assert parse(f"t={NOW + 0.0005}") == 0


@pytest.mark.parametrize("clients", ["hashed", "off"])
@pytest.mark.parametrize(
    ("peer", "believed"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, True),
        ({"REMOTE_ADDR": "10.0.0.7"}, True),
        ({"REMOTE_ADDR": ""}, True),
        ({"REMOTE_ADDR": "198.51.100.7", "REMOTE_PORT": 0}, True),
        ({"REMOTE_ADDR": "198.51.100.7"}, False),
        ({"REMOTE_ADDR": "198.51.100.7", "REMOTE_PORT": 40312}, False),
        ({"REMOTE_ADDR": "2001:db8::7"}, False),
    ],
)
def test_only_what_may_be_a_proxy_of_ours_is_believed(
    store: Path, client: Client, clients: str, peer: dict[str, Any], believed: bool
) -> None:
    """Ten minutes of one visitor's among a thousand pages would be most of the site's time."""
    with override(STORE=store, CLIENTS=clients):
        client.get("/empty/", headers={"X-Request-Start": f"t={time.time() - 599}"}, **peer)
        assert snapshot()["routes"]["empty/"]["queue"]["count"] == believed


@given(st.text(max_size=40))
def test_any_header_is_a_wait_or_nothing(header: str) -> None:
    waited = parse(header)
    assert waited is None or 0 <= waited <= OLDEST * 1e9
