"""The labelled corpus: its cases are what they say, and the detector is as good as it must be."""

from __future__ import annotations

import pytest

from tests.queries.corpus.cases import load
from tests.queries.corpus.run import filled, replay, statements

CASES = load()
CHANCE = {"adversarial.order_by_chance"}
pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_case_is_what_it_says(case):
    with filled():
        output, sent = statements(case)
        assert output.strip(), "it must say something: a replay is compared by it"
        assert len(sent) == case.queries, "\n".join(sent)
        assert case.name in CHANCE or replay(case) == output, "what it wrote must be undone"


def test_every_mark_has_one_line():
    for case in CASES.values():
        for expected in case.expect:
            case.place("loop", expected.loop)
            case.place("origin", expected.origin)
