"""Slide 10, by real means. Each fault once: it is really there, and the verdict names it.

``benchmarks/diagnose.py`` plays the same faults many times.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults import score
from tests.faults.catalogue import PAIRS, SINGLES, Fault, healthy
from tests.faults.play import Outcome, play, undisturbed
from tests.faults.rig import Rig, rig
from tests.faults.truths import means

#: Of one run; ``benchmarks/diagnose.py`` has the mean of many, and the limit of 10 points.
POINTS = 0.2
LEAST = 0.05  # of users' time, that a fault takes
#: Whose truth is the difference of two runs, each of which has its own luck: only the name counts.
BY_DIFFERENCE = {"busy", "debug", "connects", "sessions", "n+1"}


@pytest.fixture(scope="module")
def site() -> Iterator[Rig]:
    with rig() as found:
        yield found


@pytest.fixture(scope="module")
def well(site: Rig) -> Outcome:
    """The yardstick."""
    return undisturbed(site, healthy, {})


def played(site: Rig, fault: Fault, well: Outcome) -> Outcome:
    if fault.needs and not site.site.get(fault.needs):
        pytest.fail(f"The site has no {fault.needs}, which {fault.name} needs.")
    outcome = play(site, fault, means([well.seen]))
    if outcome.others.disturb and not is_right(outcome):
        outcome = play(site, fault, means([well.seen]))
    return outcome


def is_right(outcome: Outcome) -> bool:
    """Named first, and its share within the points, which say nothing where others disturbed."""
    if outcome.fault.name in BY_DIFFERENCE or outcome.others.disturb:
        return outcome.right
    return outcome.right and max(outcome.misses.values(), default=1.0) <= POINTS


def told(outcome: Outcome) -> str:
    lines = [score.truth_of(outcome), *score.said_of(outcome)]
    return "\n".join([*lines, f"others needed {outcome.others.cores:.2f} cores"])


def test_10_no_alarm_where_all_is_well(well: Outcome) -> None:
    assert {answer.status for answer in well.seen.all} == {200}
    assert well.seen.unanswered == 0
    assert well.right, told(well)


@pytest.mark.parametrize("fault", SINGLES, ids=lambda fault: fault.name)
def test_10_it_is_named_first(site: Rig, fault: Fault, well: Outcome) -> None:
    outcome = played(site, fault, well)
    assert outcome.seen.unanswered == 0
    assert fault.name in BY_DIFFERENCE or min(outcome.truth.values()) > LEAST
    assert is_right(outcome), told(outcome)


@pytest.mark.parametrize("fault", PAIRS, ids=lambda fault: fault.name)
def test_10_one_of_two_is_named_first_and_the_other_too(
    site: Rig, fault: Fault, well: Outcome
) -> None:
    outcome = played(site, fault, well)
    assert outcome.seen.unanswered == 0
    assert outcome.first in fault.causes, told(outcome)
    assert set(outcome.said) == set(fault.causes), told(outcome)
