"""The end of a process: in which order, and that an end which was none leaves all as it was."""

from __future__ import annotations

import pytest

from unhurried.measure import _end

pytestmark = pytest.mark.usefixtures("own_end")


def test_what_is_sent_was_written_before_by_threads_that_had_finished() -> None:
    done: list[str] = []
    names = {"WRITES": _end.WRITES, "SINKS": _end.SINKS, "THREADS": _end.THREADS}
    for name, step in {**names, "NUMBERS": _end.NUMBERS}.items():
        for which in ("first", "second"):
            _end.at_end(step, lambda name=name, which=which: done.append(f"{name} {which}"))
    _end.end()
    order = ["THREADS", "WRITES", "NUMBERS", "SINKS"]
    assert done == [f"{name} {which}" for name in order for which in ("second", "first")]


def test_one_that_fails_keeps_no_other_from_its_end() -> None:
    done: list[str] = []

    def failing() -> None:
        raise OSError("gone")

    _end.at_end(_end.WRITES, failing, lambda: done.append("resumed"))
    _end.at_end(_end.NUMBERS, lambda: done.append("numbers"))
    with pytest.raises(OSError, match="gone"):
        _end.rest()
    assert done == ["numbers", "resumed"]


def test_who_has_ended_already_is_not_asked_again() -> None:
    def work() -> None:
        done.append("work")
        _end.not_at_end(work)

    done: list[str] = []
    _end.at_end(_end.THREADS, work)
    _end.end()
    _end.end()
    assert done == ["work"]
