"""The labelled corpus: its cases are what they say, and the detector is as good as it must be."""

from __future__ import annotations

import json

import pytest

from tests.queries.corpus import score
from tests.queries.corpus.cases import load
from tests.queries.corpus.run import filled, replay, statements

pytestmark = pytest.mark.long

CASES = load()
CHANCE = {"adversarial.order_by_chance"}


@pytest.fixture(scope="module")
def rows(django_db_setup, django_db_blocker):
    """Filled once: it takes ten times as long as a case, and each case undoes what it wrote."""
    with django_db_blocker.unblock(), filled():
        yield


@pytest.fixture(scope="module")
def scored(rows):
    return score.score_filled()


@pytest.mark.usefixtures("rows")
@pytest.mark.django_db  # without it no database is made where this file runs alone
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_is_what_it_says(case):
    output, sent = statements(case)
    assert output.strip(), "it must say something: a replay is compared by it"
    assert len(sent) == case.queries, "\n".join(sent)
    assert case.name in CHANCE or replay(case) == output, "what it wrote must be undone"


def test_every_mark_has_one_line():
    for case in CASES.values():
        for expected in case.expect:
            case.place("loop", expected.loop)
            case.place("origin", expected.origin)


@pytest.mark.parametrize(
    ("name", "least"), [("recall", 0.95), ("precision", 0.99), ("exact", 0.90)]
)
def test_the_detector_is_good_enough(name, least, scored, record_property):
    numbers = score.figures(scored)
    record_property(name, numbers[name])
    wrong = [f"{s.case.name}: {line}" for s in scored for line in score.complaints(s)]
    assert numbers[name] >= least, "\n".join(wrong)


def test_no_line_named_is_a_wrong_one(scored):
    wrong = [
        (one.case.name, score.brief(finding))
        for one in scored
        for expected, finding in one.pairs
        if one.wrong_line(expected, finding)
    ]
    assert not wrong


def test_verdicts_are_the_same_on_every_django(scored):
    """What is found may change only together with this file, and by no version of Django."""
    told, kept = json.loads(score.verdicts(scored)), json.loads(score.VERDICTS.read_text())
    changed = {
        name: (kept.get(name), told.get(name))
        for name in kept.keys() | told.keys()
        if kept.get(name) != told.get(name)
    }
    assert not changed, "if right: python -m tests.queries.corpus --write"
