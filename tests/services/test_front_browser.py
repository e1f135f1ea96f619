"""The front page in a real Chromium, in every state of the verdict; pictures go to artefacts/."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Page

from tests.dashboard import verdicts
from tests.dashboard.samples import Samples
from tests.services.test_dashboard_browser import (
    LOOPING,
    TOO_WIDE,
    Browser,
    ask_again_and_again,
    browser,
    busy_site,
    keep,
    shot,
    staff,
)
from unhurried.dashboard import _verdict_views
from unhurried.diagnose.reading import Cause, Verdict
from unhurried.measure import reading

__all__ = ["ask_again_and_again", "browser", "busy_site", "keep", "staff"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.dashboard.site"),
]
SIZES = [(375, "light"), (375, "dark"), (1440, "light"), (1440, "dark")]


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Call it with what the judge shall say."""

    def says(found: Verdict) -> None:
        monkeypatch.setattr(_verdict_views, "verdict", lambda minutes: found)

    return says


@pytest.fixture
def released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Twice within what is on the charts, close to each other, and once far from them."""

    def releases() -> list[tuple[float, str]]:
        last = Samples().at + 300
        return [(last - 240, "51c0"), (last - 110, "0" * 40), (last - 105, "a-long-name-of-it")]

    monkeypatch.setattr(reading, "releases", releases, raising=False)


@pytest.mark.parametrize(("width", "scheme"), SIZES)
@pytest.mark.parametrize("state", verdicts.STATES)
def test_states(
    busy_site: None,
    released: None,
    browser: Browser,
    judged: Any,
    state: str,
    width: int,
    scheme: str,
) -> None:
    judged(verdicts.STATES[state])
    act = shot(f"verdict-{state}", width, scheme)
    seen = browser.visit("/unhurried/", act, width=width, scheme=scheme)
    too_wide, drawn = seen.answer
    assert seen.complaints == []
    assert not too_wide
    assert len(drawn) == 9
    assert all(pixels > 500 for pixels in drawn), drawn
