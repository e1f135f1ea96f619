"""Slide 10, by real means. Each fault once: it is really there, and the verdict names it.

``benchmarks/diagnose.py`` plays the same faults many times; its limits are 0.95 and 10 points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import mean

import pytest

from tests.faults import score
from tests.faults.catalogue import PAIRS, SINGLES, Fault, healthy
from tests.faults.play import Outcome, play, undisturbed
from tests.faults.rig import Rig, rig
from tests.faults.truths import means
from unhurried.diagnose._pace import pace
from unhurried.diagnose._sizes import DELAY

#: Of 26 that are judged once: were nineteen of twenty right, three would be wrong once in seven.
WRONG = 2
POINTS = 0.1
LEAST = 0.05  # of users' time, that a fault takes
#: Whose truth is the difference of two runs, each of which has its own luck: only the name counts.
BY_DIFFERENCE = {"busy", "debug", "connects", "sessions", "n+1"}
FAULTS = (*SINGLES, *PAIRS)


@pytest.fixture(scope="module")
def site() -> Iterator[Rig]:
    with rig() as found:
        yield found


@pytest.fixture(scope="module")
def well(site: Rig) -> Outcome:
    """The yardstick; the run before it compiles what is compiled once.

    On a machine of half the speed a page that is fine takes twice as long.
    """
    play(site, healthy, {})
    worth = 1000 * DELAY * max(pace(), 1.0)  # ms
    return undisturbed(site, healthy, {}, options=("--worth", f"{worth:.0f}"))


@pytest.fixture(scope="module")
def played(site: Rig, well: Outcome) -> Callable[[Fault], Outcome]:
    """Once; and again, once, where others needed the processors meanwhile."""

    done: dict[str, Outcome] = {}

    def once(fault: Fault) -> Outcome:
        if fault.needs and not site.site.get(fault.needs):
            pytest.fail(f"The site has no {fault.needs}, which {fault.name} needs.")
        if fault.name not in done:
            done[fault.name] = undisturbed(site, fault, means([well.seen]), tries=2)
        return done[fault.name]

    return once


def by_difference(fault: Fault) -> bool:
    return any(name in fault.name for name in BY_DIFFERENCE)


def told(outcome: Outcome) -> str:
    lines = [score.truth_of(outcome), *score.said_of(outcome)]
    return "\n".join([*lines, f"others needed {outcome.others.cores:.2f} cores"])


def test_10_no_alarm_where_all_is_well(well: Outcome) -> None:
    assert {answer.status for answer in well.seen.all} == {200}
    assert well.seen.unanswered == 0
    assert well.right, told(well)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_10_it_is_there_and_judged(fault: Fault, played: Callable[[Fault], Outcome]) -> None:
    outcome = played(fault)
    assert outcome.seen.unanswered == 0
    assert by_difference(fault) or min(outcome.truth.values()) > LEAST
    assert not isinstance(outcome.verdict, str), told(outcome)


def test_10_the_verdict_names_it_first(
    played: Callable[[Fault], Outcome], say: Callable[[str], None]
) -> None:
    """And where there are two, the other among its findings."""
    outcomes = [played(fault) for fault in FAULTS]
    say("\n" + "\n".join(score.table(outcomes)))
    wrong = [outcome for outcome in outcomes if not outcome.right]
    said = "\n\n".join(f"{outcome.fault.name}: {told(outcome)}" for outcome in wrong)
    assert len(wrong) <= WRONG, said


def test_10_its_share_is_what_the_fault_took(
    played: Callable[[Fault], Outcome], say: Callable[[str], None]
) -> None:
    """On average, and where nobody else needed the processors, which says nothing of the fault."""
    off = [
        miss
        for outcome in map(played, FAULTS)
        if not by_difference(outcome.fault) and not outcome.others.disturb
        for miss in outcome.misses.values()
    ]
    assert off, "others needed the processors all the time; play it on a quiet machine"
    say(f"shares are {mean(off):.3f} off on average, {max(off):.3f} at most")
    assert mean(off) <= POINTS
