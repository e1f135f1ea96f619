"""The front page in a real Chromium, in every state of the verdict; pictures go to artefacts/."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.dashboard import verdicts
from tests.dashboard.samples import Samples
from tests.services.test_dashboard_browser import ROUTE, Browser, browser, busy_site, shot, staff
from unhurried.dashboard import _releases, _verdict_views
from unhurried.diagnose.reading import Verdict
from unhurried.measure.reading import Release

__all__ = ["browser", "busy_site", "staff"]

pytestmark = [
    pytest.mark.busy,
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
    """Three within what is on the charts, two of them close to each other."""

    def releases() -> list[tuple[float, str]]:
        last = Samples().at + 300
        return [(last - 240, "51c0"), (last - 110, "0" * 40), (last - 105, "a-long-name-of-it")]

    monkeypatch.setattr(_releases, "known", lambda: [Release(*each) for each in releases()])


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


@pytest.mark.parametrize(("width", "scheme"), SIZES)
def test_a_route_with_findings(
    busy_site: None, browser: Browser, judged: Any, width: int, scheme: str
) -> None:
    judged(verdicts.SLOW_SITE)
    act = shot("verdict-route", width, scheme)
    seen = browser.visit(ROUTE, act, width=width, scheme=scheme)
    assert (seen.complaints, seen.answer[0]) == ([], False)


def test_releases_are_said_too(
    busy_site: None, released: None, browser: Browser, judged: Any
) -> None:
    judged(verdicts.FINE_SITE)
    plots = "all => all.map((plot) => plot.getAttribute('aria-label'))"
    seen = browser.visit("/unhurried/", lambda page: page.eval_on_selector_all(".plot", plots))
    assert len(seen.answer) == 9
    said = re.compile(r"; released: 51c0 at [\d:]{8}, 0000000 at [\d:]{8}, a-long-name\u2026 at ")
    assert all(said.search(label) for label in seen.answer), seen.answer


def test_without_javascript_findings_open_all_the_same(
    busy_site: None, browser: Browser, judged: Any
) -> None:
    judged(verdicts.EXTREME)

    def act(page: Page) -> tuple[bool, bool, str]:
        last = page.locator("#verdict details").last
        before = last.locator(".body").is_visible()
        last.locator("summary h3").click()
        noted = page.locator("noscript p").first.inner_text()
        return before, last.locator(".body").is_visible(), noted

    seen = browser.visit("/unhurried/", act, script=False)
    assert seen.answer[:2] == (False, True)
    assert "The charts need JavaScript" in seen.answer[2]
    assert seen.complaints == []


RENEWED = "(share) => document.querySelector('#verdict .share').textContent.startsWith(share)"


def test_what_is_folded_stays_folded_and_the_focus_where_it_is(
    busy_site: None, browser: Browser, judged: Any
) -> None:
    judged(verdicts.SLOW_SITE)

    def act(page: Page) -> tuple[list[bool], Any]:
        page.click("#verdict li:nth-child(2) summary h3")
        page.focus("#verdict li:nth-child(2) summary")
        worse = replace(verdicts.NETWORK, share=0.51)
        judged(replace(verdicts.SLOW_SITE, findings=[worse, *verdicts.SLOW_SITE.findings[1:]]))
        page.clock.run_for(10_500)
        page.wait_for_function(RENEWED, arg="51")
        folded = page.eval_on_selector_all("#verdict details", "all => all.map((e) => !e.open)")
        return folded, page.evaluate("document.activeElement.innerText.includes('feed.html:40')")

    seen = browser.visit("/unhurried/", act, clock=True)
    assert (seen.answer, seen.complaints) == (([False, True, False], True), [])


def test_who_copies_a_remedy_is_let_finish(busy_site: None, browser: Browser, judged: Any) -> None:
    judged(verdicts.SLOW_SITE)

    def act(page: Page) -> tuple[str, str]:
        page.evaluate("getSelection().selectAllChildren(document.querySelector('#verdict .diff'))")
        judged(replace(verdicts.SLOW_SITE, findings=[replace(verdicts.NETWORK, share=0.51)]))
        with page.expect_response("**/data/yours.json*"):  # the last that a renewal asks for
            page.clock.run_for(10_500)
        held = page.inner_text("#verdict .share"), page.evaluate("getSelection().toString()")
        page.evaluate("getSelection().removeAllRanges()")
        page.clock.run_for(10_500)
        page.wait_for_function(RENEWED, arg="51")
        return held

    share, text = browser.visit("/unhurried/", act, clock=True).answer
    assert share.startswith("48")
    assert 'select_related("author")' in text


def test_renewals_keep_the_charts_as_they_are(
    busy_site: None, browser: Browser, judged: Any
) -> None:
    """No figure is drawn twice, and none goes from one group of charts to the other."""
    judged(verdicts.FINE_SITE)

    def act(page: Page) -> list[int]:
        for _ in range(3):
            with page.expect_response("**/data/yours.json*"):
                page.clock.run_for(10_500)
        groups = page.query_selector_all("[data-charts]")
        return [len(group.query_selector_all("figure canvas")) for group in groups]

    seen = browser.visit("/unhurried/", act, clock=True)
    assert (seen.answer, seen.complaints) == ([4, 5], [])
