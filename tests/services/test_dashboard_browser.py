"""The dashboard in a real Chromium, under the strictest policy; pictures go to artefacts/."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.books.models import Author, Book
from tests.dashboard import verdicts
from tests.dashboard.samples import Samples
from tests.servers import CHROMIUM_ARGS
from unhurried import testing
from unhurried.cache._functions import _registry
from unhurried.conf import settings as _settings
from unhurried.dashboard import _routes, _staff, _verdict_views
from unhurried.measure import (
    StoreError,
    counter,
    gauge,
    histogram,
    measured,
    meter,
    snapshot,
    timer,
)
from unhurried.queries.reading import keep_proofs

ARTEFACTS = Path(__file__).resolve().parent.parent.parent / "artefacts"
ROUTE = f"/unhurried/routes/{_routes.slug('request', 'with_queries/')}/"
KEPT = f"/unhurried/cache/{_routes.slug('kept', 'tests.dashboard.site.kept')}/"
GREETING = f"/unhurried/cache/{_routes.slug('kept', 'tests.dashboard.site.greeting')}/"
LOOPING = f"/unhurried/routes/{_routes.slug('request', 'looping/')}/"
DRAWN = """() => [...document.querySelectorAll("figure[data-chart] canvas")].map((canvas) => {
  const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
  return pixels.filter((value, i) => i % 4 === 3 && value).length;
})"""
READY = """() => [...document.querySelectorAll("figure[data-chart]")]
  .every((figure) => figure.querySelector("canvas, .none"))"""
TOO_WIDE = "() => document.documentElement.scrollWidth > document.documentElement.clientWidth"

pytestmark = [
    pytest.mark.busy,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.dashboard.site"),
]


@dataclass
class Seen:
    """What a page did in the browser."""

    answer: Any
    complaints: list[str] = field(default_factory=list)


class Browser:
    """Each visit in a thread of its own: Playwright's event loop would keep Django's ORM away."""

    def __init__(self, executable: str, address: str, cookies: dict[str, str]) -> None:
        self.executable, self.address, self.cookies = executable, address, cookies

    def visit(
        self,
        path: str,
        act: Callable[[Page], Any],
        *,
        width: int = 1280,
        scheme: str = "light",
        clock: bool = False,
        script: bool = True,
    ) -> Seen:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._visit, path, act, width, scheme, clock, script).result()

    def _visit(
        self, path: str, act: Any, width: int, scheme: Any, clock: bool, script: bool
    ) -> Seen:
        seen = Seen(None)
        with sync_playwright() as playwright:
            launched = playwright.chromium.launch(
                executable_path=self.executable, args=[*CHROMIUM_ARGS, "--no-first-run"]
            )
            context = launched.new_context(
                viewport={"width": width, "height": 900},
                color_scheme=scheme,
                java_script_enabled=script,
            )
            context.add_cookies(
                [{"name": n, "value": v, "url": self.address} for n, v in self.cookies.items()]
            )
            page = context.new_page()
            page.on("console", lambda message: seen.complaints.append(message.text))
            page.on("pageerror", lambda error: seen.complaints.append(str(error)))
            if clock:
                page.clock.install()
            page.goto(self.address + path)
            if script:
                page.wait_for_function(READY)
            seen.answer = act(page)
            launched.close()
        return seen


@pytest.fixture
def staff(transactional_db: None, store: Path) -> Client:
    _staff._no.clear()
    client = Client(raise_request_exception=False)
    client.force_login(User.objects.create(username="staff", is_staff=True))
    return client


@pytest.fixture
def browser(staff: Client, settings: Any, chromium: str) -> Iterator[Browser]:
    settings.MIDDLEWARE = ["tests.dashboard.site.strict_csp", *settings.MIDDLEWARE]
    settings.STATIC_URL, settings.MEDIA_URL = "static/", "media/"  # the live server serves them
    server = LiveServer("127.0.0.1")
    cookies = {name: morsel.value for name, morsel in staff.cookies.items()}
    yield Browser(chromium, server.url, cookies)
    server.stop()


def busy(client: Client, dice: random.Random) -> None:
    """A few requests, and a bit of everything a site may measure of its own."""
    for path in dice.choices(
        ["/", "/page/", "/book/3/", "/with_queries/", "/nowhere/"], k=dice.randrange(2, 9)
    ):
        client.get(path)
    counter("orders.placed").increment(dice.randrange(4))
    gauge("queue.depth").set(dice.uniform(3, 40))
    meter("signups").mark()
    histogram("basket.value").update(dice.lognormvariate(3, 0.6))
    with timer("thumbnail"):
        pass
    with measured("nightly import"):
        pass


class Proven:
    """As ``diagnose`` has proven it on another page that reads by the same line."""

    def __init__(self, of: dict[str, Any], verified: str) -> None:
        self.of, self.verified = of, verified

    def as_dict(self) -> dict[str, Any]:
        place = self.of["loop"].partition(":")[0]
        diff = (
            f"--- a/{place}\n+++ b/{place}\n@@ -65,1 +65,1 @@\n"
            '-    titles = [f"{book.title} by {book.author.name}" for book in Book.objects.all()]\n'
            '+    titles = [f"{book.title} by {book.author.name}" for book in '
            'Book.objects.select_related("author")]\n'
        )
        why = "" if self.verified == "yes" else "replayed, and the page came out otherwise"
        known = {key: self.of[key] for key in ("kind", "relation", "loop")}
        return {
            **known,
            "origin": self.of["loop"],
            "diff": diff if self.verified == "yes" else "",
            "remedy": 'select_related("author")',
            "verified": self.verified,
            "why": why,
            "queries_after": 1,
        }


def ask_again_and_again(client: Client) -> None:
    """A page with an N+1, one of whose repeats is proven, one disproven, and others untried."""
    for n in range(12):
        Book.objects.create(title=f"{n}", author=Author.objects.create(name=f"author {n}"))
    for _ in range(16):
        for path in ("/looping/", "/counting/", "/fetching/"):
            client.get(path)
    seen = snapshot()["sightings"]
    for path, verdict in (("looping/", "yes"), ("counting/", "no")):
        keep_proofs([Proven(s, verdict) for s in seen if s["route"] == path], path)


def keep(client: Client) -> None:
    """A page that is of use, one that can't be kept, and a write in between."""
    with testing.override(STORE=_settings.STORE, STRICT=False):
        for _ in range(3):
            for _ in range(20):
                client.get("/kept/")
            client.get("/greeting/")
            with measured("nightly import"):
                Book.objects.update(title="Two")


@pytest.fixture
def busy_site(staff: Client) -> Iterator[None]:
    samples, dice = Samples(), random.Random(7)
    staff.get("/with_queries/")
    ask_again_and_again(staff)
    keep(staff)
    for _ in range(30):
        busy(staff, dice)
        staff.get("/looping/")
        samples.write()
    yield
    samples.close()


def shot(name: str, width: int, scheme: str) -> Callable[[Page], Any]:
    """Picture the page; tell whether it is too wide, and how much is drawn on each canvas."""

    def act(page: Page) -> tuple[bool, list[int]]:
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"{name}-{width}-{scheme}.png", full_page=True)
        return page.evaluate(TOO_WIDE), page.evaluate(DRAWN)

    return act


@pytest.mark.parametrize(("width", "scheme"), [(400, "light"), (1280, "dark"), (2000, "light")])
@pytest.mark.parametrize(
    ("name", "path", "charts"),
    [
        ("front", "/unhurried/", 9),
        ("routes", "/unhurried/routes/", 0),
        ("route", ROUTE, 4),
        ("queries", "/unhurried/queries/", 0),
        ("looping", LOOPING, 4),
        ("cache", "/unhurried/cache/", 0),
        ("kept", KEPT, 0),
        ("greeting", GREETING, 0),
        ("yours", "/unhurried/yours/", 5),
    ],
)
def test_pages(busy_site, browser, name, path, charts, width, scheme):
    seen = browser.visit(path, shot(name, width, scheme), width=width, scheme=scheme)
    too_wide, drawn = seen.answer
    assert seen.complaints == []
    assert not too_wide
    assert len(drawn) == charts
    assert all(pixels > 500 for pixels in drawn), drawn


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
class TestWithoutNumbers:
    @pytest.mark.parametrize("page", ["", "routes/", "queries/", "cache/", "yours/"])
    def test_empty(self, browser, page, width, scheme, monkeypatch):
        monkeypatch.setattr(_registry, "known", {})
        act = shot(f"empty-{page.strip('/') or 'front'}", width, scheme)
        seen = browser.visit(f"/unhurried/{page}", act, width=width, scheme=scheme)
        assert (seen.complaints, seen.answer[0]) == ([], False)

    def test_trouble(self, browser, width, scheme, monkeypatch):
        def fail(**kwargs: object) -> None:
            raise StoreError(
                "/run/unhurried-0-66a1f2c0d9e8 belongs to user 1001, not to us (33).",
                "Name a folder of your own in UNHURRIED['STORE'].",
            )

        monkeypatch.setattr("unhurried.dashboard._numbers.snapshot", fail)
        act = shot("error", width, scheme)
        seen = browser.visit("/unhurried/", act, width=width, scheme=scheme)
        assert not seen.answer[0]
        assert [text for text in seen.complaints if "503" not in text] == []


def test_it_keeps_itself_fresh_and_its_place(busy_site, browser, staff):
    def act(page: Page) -> Any:
        page.evaluate("scrollTo(0, 400)")
        page.focus('tbody a[href$="/"]')
        focused = page.evaluate("document.activeElement.href")
        place = page.evaluate("scrollY")
        for _ in range(5):
            page.request.get(browser.address + "/book/3/")
        before = page.inner_text("#rows")
        page.clock.run_for(10_500)
        page.wait_for_function(
            "(old) => document.querySelector('#rows').innerText !== old", arg=before
        )
        return (
            page.evaluate("scrollY") == place,
            page.evaluate("document.activeElement.href") == focused,
        )

    seen = browser.visit("/unhurried/", act, clock=True)
    assert seen.answer == (True, True)
    assert seen.complaints == []


def test_it_stands_still_when_told(busy_site, browser):
    def act(page: Page) -> int:
        page.click("#pause")
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(30_000)
        return len(asked)

    seen = browser.visit("/unhurried/", act, clock=True)
    assert (seen.answer, seen.complaints) == (0, [])


def test_an_empty_page_fills_by_itself(browser):
    def act(page: Page) -> None:
        page.request.get(browser.address + "/page/")
        page.clock.run_for(10_500)
        page.wait_for_selector("#rows")

    assert browser.visit("/unhurried/", act, clock=True).complaints == []


def test_the_keyboard_reaches_everything(busy_site, browser, monkeypatch):
    monkeypatch.setattr(_verdict_views, "verdict", lambda minutes: verdicts.TOO_LITTLE_YET)

    def act(page: Page) -> list[str]:
        reached = []
        for _ in range(14):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.textContent.trim()"))
        return reached

    reached = browser.visit("/unhurried/", act).answer
    assert reached[:5] == ["To the numbers", "unhurried", "Routes", "Queries", "Cache"]
    assert reached[5:8] == ["Later", "DBA", "Yours"]
    assert reached[8:11] == ["10 min", "hour", "this release"]
    assert reached[11:14] == ["hour", "day", "month"]


def test_the_badge(busy_site, browser):
    def act(page: Page) -> tuple[Any, int]:
        shot("badge", 1280, "light")(page)
        box = page.locator("#unhurried-badge").bounding_box()
        position = page.evaluate(
            "getComputedStyle(document.getElementById('unhurried-badge')).position"
        )
        page.click("#unhurried-badge a:last-child")
        return box["width"], position, page.url, page.locator("#unhurried-badge").count()

    seen = browser.visit("/with_queries/", act)
    width, position, address, left = seen.answer
    assert 80 < width < 260
    assert position == "fixed"
    assert address.endswith("/with_queries/")
    assert left == 0
    assert seen.complaints == []
