"""Every page of the dashboard through axe-core in Chromium: light and dark, wide and narrow."""

from __future__ import annotations

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db.models import F
from django.test import Client
from playwright.sync_api import Page

from tests.dashboard import verdicts
from tests.dashboard.test_dba_page import REPORT
from tests.later.inbox import tasks
from tests.later.inbox.models import Message
from tests.services.test_dashboard_browser import (
    GREETING,
    KEPT,
    LOOPING,
    ROUTE,
    Browser,
    browser,
    busy_site,
    staff,
)
from tests.services.test_front_browser import judged, released
from unhurried.cache._functions import _registry
from unhurried.dashboard import _dba_views
from unhurried.later import later
from unhurried.later.models import Waiting, Work
from unhurried.later.reading import drain, paused
from unhurried.measure import StoreError

__all__ = ["browser", "busy_site", "judged", "released", "staff"]

pytestmark = [
    pytest.mark.busy,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.services.axe_site"),
]
SIZES = [(375, "light"), (375, "dark"), (1440, "light"), (1440, "dark")]
GRAVE = ("serious", "critical")
UNFOLD = "() => { for (const each of document.querySelectorAll('details')) each.open = true }"
#: Two frames on: colours and canvases have followed the scheme.
SETTLE = """() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"""


def violations(page: Page) -> list[str]:
    """What axe-core finds grave, in all sizes and schemes; folded parts are unfolded."""
    found, axe = [], Axe()
    page.evaluate(UNFOLD)
    for width, scheme in SIZES:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.evaluate(SETTLE)
        for each in axe.run(page).response["violations"]:
            if each["impact"] in GRAVE:
                where = sorted({node["html"][:200] for node in each["nodes"]})
                found.append(f"{each['id']} ({each['impact']}) {width} {scheme}: {where}")
    return found


def test_it_would_find_something(browser: Browser) -> None:
    """Else all that follows says nothing."""

    def act(page: Page) -> list[str]:
        page.set_content('<html><body><main><h1>A</h1><img src="data:,"></main></body></html>')
        return violations(page)

    rules = {each.split()[0] for each in browser.visit("/unhurried/", act).answer}
    assert rules == {"document-title", "html-has-lang", "image-alt"}


@pytest.mark.parametrize("state", verdicts.STATES)
def test_the_front_in_every_state(
    busy_site: None, released: None, browser: Browser, judged: Any, state: str
) -> None:
    judged(verdicts.STATES[state])
    assert browser.visit("/unhurried/", violations).answer == []


@pytest.mark.parametrize(
    "path",
    [
        *("/unhurried/routes/", ROUTE, LOOPING, "/unhurried/queries/"),
        *("/unhurried/cache/", KEPT, GREETING, "/unhurried/yours/"),
    ],
    ids=["routes", "route", "looping", "queries", "cache", "kept", "greeting", "yours"],
)
def test_with_numbers(busy_site: None, browser: Browser, judged: Any, path: str) -> None:
    judged(verdicts.SLOW_SITE)
    assert browser.visit(path, violations).answer == []


@pytest.mark.parametrize("page", ["", "routes/", "queries/", "cache/", "later/", "dba/", "yours/"])
def test_without(browser: Browser, page: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_registry, "known", {})
    assert browser.visit(f"/unhurried/{page}", violations).answer == []


def test_later(browser: Browser, staff: Client) -> None:
    with paused():
        tasks.fails.delay("Ada")
        Waiting.objects.update(attempts=2)
        drain(once=True)
        Message.objects.create(text="a")
        later(Message.objects.all()).update(views=F("views") + 1)
        Work.objects.create(key="k", state="running", route="/report/", asked="{}", done=3, total=9)
        assert browser.visit("/unhurried/later/", violations).answer == []


def test_dba(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dba_views, "ask_dba", lambda alias: REPORT)
    assert browser.visit("/unhurried/dba/", violations).answer == []


def test_an_error(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**kwargs: object) -> None:
        raise StoreError("It belongs to user 1001.", "Name a folder in UNHURRIED['STORE'].")

    monkeypatch.setattr("unhurried.dashboard._numbers.snapshot", fail)
    assert browser.visit("/unhurried/", violations).answer == []


@pytest.mark.parametrize("path", ["/waiting/", "/failed/", "/many/"])
def test_hang_on(browser: Browser, path: str) -> None:
    assert browser.visit(path, violations).answer == []
