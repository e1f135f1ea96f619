"""Waiting for a page in a real Chromium, under a strict policy, with JavaScript and without."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.servers import CHROMIUM_ARGS
from unhurried.later import _kick, hang_on, progress
from unhurried.later._hang_on import _run
from unhurried.later.models import Work

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

ARTEFACTS = Path(__file__).resolve().parents[2] / "artefacts"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'"
PROMISED, PATIENCE = 1.0, 5.0  # seconds from the end of the work to the page
may_end = Event()
ended: list[float] = []
calls: list[str] = []


@hang_on(after=0.3)
def report(request: HttpRequest) -> HttpResponse:
    calls.append("report")
    progress(3, 8, "Reading the orders of November")
    assert may_end.wait(60)
    ended.append(time.monotonic())
    return HttpResponse("<!doctype html><title>Report</title><h1 id=result>Here it is</h1>")


@hang_on(after=0.3)
def fails(request: HttpRequest) -> HttpResponse:
    raise ValueError("a secret")


@hang_on(after=0.1, limit=1)
def many(request: HttpRequest) -> HttpResponse:
    assert may_end.wait(60)
    return HttpResponse("done")


def start(request: HttpRequest) -> HttpResponse:
    text = '<!doctype html><title>Start</title><a id=go href="/report/#part">Report</a>'
    return HttpResponse(text)


urlpatterns = [
    path("", start),
    path("report/", report),
    path("fails/", fails),
    path("many/", many),
    path("unhurried/", include("unhurried.urls")),
]


def strict_policy(get_response: Any) -> Any:
    def middleware(request: HttpRequest) -> Any:
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return middleware


@pytest.fixture(autouse=True)
def site(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.strict_policy"]
    kicks, pool = _kick.Kicks(), _run.Pool()
    monkeypatch.setattr(_kick, "_kicks", kicks)
    monkeypatch.setattr(_run, "_pool", pool)
    may_end.clear()
    ended.clear()
    calls.clear()
    yield
    may_end.set()
    workers = (kicks.drainer, *kicks.owners.values(), *pool.workers)
    deadline = time.monotonic() + 20
    while pool.busy:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for worker in workers:
        worker.stop()
    while any(worker.alive for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@dataclass
class Tab:
    """A page of the browser, and what its console has said."""

    page: Page
    said: list[str] = field(default_factory=list)

    def appears(self, selector: str) -> float:
        """The moment at which it can be seen."""
        self.page.wait_for_selector(selector, timeout=20_000)
        return time.monotonic()

    def shows(self, *texts: str) -> bool:
        """Whether it does while it is on its way elsewhere, when Playwright would wait."""
        browser = self.page.context.new_cdp_session(self.page)
        deadline, found = time.monotonic() + 20, False
        while not found and time.monotonic() < deadline:
            time.sleep(0.05)
            seen = browser.send("DOMSnapshot.captureSnapshot", {"computedStyles": []})
            found = {*texts} <= {*seen["strings"]}
        return found


class Browser:
    """Each visit in a thread of its own: Playwright's event loop would keep Django's ORM away."""

    def __init__(self, executable: str, address: str) -> None:
        self.executable, self.address = executable, address

    def visit(self, act: Callable[[Tab], Any], **options: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._visit, act, options).result()

    def _visit(self, act: Callable[[Tab], Any], options: dict[str, Any]) -> Any:
        with sync_playwright() as playwright:
            launched = playwright.chromium.launch(
                executable_path=self.executable, args=[*CHROMIUM_ARGS, "--no-first-run"]
            )
            context = launched.new_context(base_url=self.address, **options)
            tab = Tab(context.new_page())
            tab.page.on("console", lambda message: tab.said.append(message.text))
            tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
            try:
                return act(tab)
            finally:
                may_end.set()
                launched.close()


@pytest.fixture
def browser(transactional_db: None, chromium: str) -> Iterator[Browser]:
    ARTEFACTS.mkdir(exist_ok=True)
    server = LiveServer("127.0.0.1")
    yield Browser(chromium, server.url)
    server.stop()


def complaints(tab: Tab) -> list[str]:
    """What the console has said, but for the icon that the site does not have."""
    return [each for each in tab.said if "404" not in each and "favicon" not in each]


def test_with_javascript_the_result_comes_by_itself(browser: Browser, record_property: Any) -> None:
    def act(tab: Tab) -> tuple[float, list[str]]:
        tab.page.goto("/")
        tab.page.click("#go")
        tab.appears("progress")
        tab.page.wait_for_selector("progress[value='37']")
        tab.page.wait_for_function(
            "document.querySelector('[data-message]').textContent.includes('November')"
        )
        assert tab.page.eval_on_selector("main", "e => getComputedStyle(e).maxWidth") is not None
        assert tab.page.eval_on_selector("body", "e => getComputedStyle(e).display") == "grid"
        may_end.set()
        seen = tab.appears("#result")
        assert tab.page.url.endswith("/report/#part")
        tab.page.go_back()
        assert tab.page.title() == "Start", "back goes to the page before, not to the waiting"
        tab.page.go_forward()
        tab.appears("#result")
        return seen - ended[0], complaints(tab)

    took, said = browser.visit(act)
    record_property("seconds", took)
    assert said == []
    assert calls == ["report"]
    assert took < PATIENCE, f"seen {took:.2f} s after it was done; promised {PROMISED} s"


def test_without_javascript_too(browser: Browser, record_property: Any) -> None:
    def act(tab: Tab) -> float:
        tab.page.goto("/")
        tab.page.click("#go", no_wait_after=True)
        assert tab.shows("PROGRESS", "37", "Reading the orders of November")
        tab.page.screenshot(path=ARTEFACTS / "hang-on-without-javascript.png")
        may_end.set()
        seen = tab.appears("#result")
        tab.page.go_back()
        assert tab.page.title() == "Start"
        return seen - ended[0]

    took = browser.visit(act, java_script_enabled=False)
    record_property("seconds", took)
    assert calls == ["report"]
    assert took < PATIENCE, f"seen {took:.2f} s after it was done; promised {PROMISED} s"


def test_a_network_that_is_gone_for_a_while(browser: Browser) -> None:
    def act(tab: Tab) -> None:
        tab.page.goto("/report/")
        tab.appears("progress")
        tab.page.context.set_offline(True)
        time.sleep(2)
        may_end.set()
        assert tab.page.query_selector("progress") is not None
        tab.page.context.set_offline(False)
        tab.appears("#result")

    browser.visit(act)


def test_a_failure_shows_a_number_and_a_way_to_try_again(browser: Browser) -> None:
    def act(tab: Tab) -> str:
        tab.page.goto("/fails/")
        tab.page.click("text=Try again")
        return tab.page.inner_text("main")

    text = browser.visit(act)
    assert Work.objects.get().incident in text
    assert "secret" not in text


SIZES = {"narrow": (320, 568), "wide": (1440, 900)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_how_it_looks(browser: Browser, size: str, scheme: Any) -> None:
    """Nothing is cut off, and the pictures are there to be looked at."""

    def act(tab: Tab) -> list[bool]:
        fits = []
        tab.page.goto("/many/?n=1")
        for name, address in (("waiting", "/report/"), ("failed", "/fails/"), ("many", "/many/")):
            tab.page.goto(address)
            tab.appears("h1")
            if name == "waiting":
                tab.appears("progress[value='37']")
            tab.page.screenshot(path=str(ARTEFACTS / f"hang-on-{name}-{size}-{scheme}.png"))
            fits.append(
                tab.page.evaluate(
                    "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
                )
            )
        return fits

    width, height = SIZES[size]
    viewport = {"width": width, "height": height}
    assert browser.visit(act, viewport=viewport, color_scheme=scheme) == [True] * 3
