"""X-Request-Start in seconds, milliseconds, microseconds and nanoseconds; never an absurd wait."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unhurried.measure._queue import OLDEST, parse


@pytest.mark.parametrize("unit", [1, 1e3, 1e6, 1e9])
@pytest.mark.parametrize("form", ["t={}", "{}", " {} "])
def test_every_unit_is_understood(unit: float, form: str) -> None:
    stamp = (time.time() - 0.25) * unit
    waited = parse(form.format(stamp if unit == 1 else int(stamp)))
    assert waited is not None
    assert 0.24e9 <= waited <= 1e9


@pytest.mark.parametrize(
    "absurd",
    ["", "t=", "t=abc", "nan", "inf", "-inf", "-1", "0", "12", "1e400", "t=t=1", "1_0", "٣"],
)
def test_what_cant_be_meant_is_rejected(absurd: str) -> None:
    assert parse(absurd) is None


def test_the_future_and_the_distant_past_are_rejected() -> None:
    assert parse(f"t={time.time() + 5}") is None
    assert parse(f"t={time.time() - OLDEST - 5}") is None
    assert parse(f"t={time.time() + 0.0005}") == 0


@given(st.text(max_size=40))
def test_any_header_is_a_wait_or_nothing(header: str) -> None:
    waited = parse(header)
    assert waited is None or 0 <= waited <= OLDEST * 1e9
