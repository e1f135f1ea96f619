"""What a real Chromium tells of its page views, under a strict policy, against its own numbers."""

from __future__ import annotations

import json
import random
import struct
import subprocess
import time
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Event
from typing import Any

import pytest
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test.utils import override_settings
from django.urls import include, path
from playwright.sync_api import BrowserContext, Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.servers import CHROMIUM_ARGS
from unhurried.cache import cached_page
from unhurried.dashboard import _vitals_limit, _vitals_views
from unhurried.measure.reading import window

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self'"
BUSY, SLOW, HANDLER, PATIENCE = 0.3, 0.6, 0.2, 20.0  # seconds
LOOP = "const until = performance.now() + MS; while (performance.now() < until);"
PRESS = f"document.querySelector('button').onclick = () => {{{LOOP}}};"
SCRIPTS = {
    "busy": LOOP.replace("MS", str(1000 * BUSY)),
    "button": PRESS.replace("MS", str(1000 * HANDLER)),
    "leave": "addEventListener('load', () => setTimeout(() => fetch('/loaded/')));"
    "document.onprerenderingchange = () => "
    "requestAnimationFrame(() => setTimeout(() => { location.href = '/other/'; }));",
}
SLOW_PAGE = """{% load unhurried %}<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Slow</title>{% vitals %}</head><body><h1>Slow</h1><button>Press</button>
<script src="/busy.js"></script><script src="/button.js"></script>
<p><img src="/slow.png" width="600" alt="A picture"></p><p>Below</p></body></html>"""
FAST_PAGE = """{% load unhurried %}<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>Fast</title></head><body><h1>Fast</h1>{% vitals %}</body></html>"""


def page(source: str) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        response = HttpResponse(engines["django"].from_string(source).render({}, request))
        response["Content-Security-Policy"] = POLICY
        return response

    view.__qualname__ = f"page_{zlib.crc32(source.encode())}"
    return view


def script(request: HttpRequest, name: str) -> HttpResponse:
    return HttpResponse(SCRIPTS[name], content_type="text/javascript")


def picture(request: HttpRequest) -> HttpResponse:
    Event().wait(SLOW)
    return HttpResponse(png(200, 150), content_type="image/png")


def png(width: int, height: int) -> bytes:
    """Noise: a picture of a few bytes is none to LCP."""
    noise = random.Random(7)
    rows = b"".join(b"\0" + noise.randbytes(3 * width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    )


def timed(request: HttpRequest) -> HttpResponse:
    response = page(FAST_PAGE)(request)
    response["Server-Timing"] = "db;dur=3, total;dur=42.5"
    return response


AHEAD = """<!doctype html><title>Ahead</title><script type=speculationrules>
{"prerender": [{"urls": ["/shown/"], "eagerness": "immediate"}]}</script>
<script>fetch("/when-loaded/").then(() => { location.href = "/shown/"; });</script>"""
SHOWN = FAST_PAGE.replace("</body>", '<script src="/leave.js"></script></body>')
loaded_ahead = Event()


def loaded(request: HttpRequest) -> HttpResponse:
    loaded_ahead.set()
    return HttpResponse(status=204)


def when_loaded(request: HttpRequest) -> HttpResponse:
    loaded_ahead.wait(PATIENCE)
    return HttpResponse()


urlpatterns = [
    path("slow/", page(SLOW_PAGE)),
    path("fast/", page(FAST_PAGE)),
    path("twice/", page(FAST_PAGE.replace("{% vitals %}", "{% vitals %}{% vitals %}"))),
    path("never/", page(FAST_PAGE.replace("% vitals %", "% vitals sample=1e-12 %"))),
    path("half/", page(FAST_PAGE.replace("% vitals %", "% vitals sample=0.5 %"))),
    path("kept/", cached_page(600)(page(FAST_PAGE))),
    path("timed/", timed),
    path("ahead/", lambda request: HttpResponse(AHEAD)),
    path("shown/", page(SHOWN)),
    path("loaded/", loaded),
    path("when-loaded/", when_loaded),
    path("favicon.ico", lambda request: HttpResponse(status=204)),
    path("other/", lambda request: HttpResponse("<!doctype html><title>Other</title>")),
    path("<slug:name>.js", script),
    path("slow.png", picture),
    path("unhurried/", include("unhurried.urls")),
]


@dataclass
class Tab:
    """A page of the browser, and what its console has said."""

    page: Page
    context: BrowserContext
    said: list[str] = field(default_factory=list)

    def value(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def known(self, enough: Callable[[Any], bool]) -> Any:
        """What the browser knows itself, once that is enough: it tells after a frame or more."""
        last = time.monotonic() + PATIENCE
        while not enough(own := self.value(OWN)) and time.monotonic() < last:
            time.sleep(0.02)
        return own

    def leave(self) -> None:
        self.page.goto("/other/")


class Browser:
    """Each visit in a thread of its own: Playwright's event loop would keep Django's ORM away."""

    def __init__(self, executable: str, address: str) -> None:
        self.executable, self.address = executable, address

    def visit(self, act: Callable[[Tab], Any], host: str = "", **launch: Any) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._visit, act, host, launch).result()

    def _visit(self, act: Callable[[Tab], Any], host: str, launch: dict[str, Any]) -> Any:
        args = [*CHROMIUM_ARGS, "--no-first-run", "--host-resolver-rules=MAP shop.test 127.0.0.1"]
        with sync_playwright() as playwright:
            launched = playwright.chromium.launch(
                executable_path=self.executable, args=args, **launch
            )
            address = self.address.replace("127.0.0.1", host or "127.0.0.1")
            context = launched.new_context(base_url=address)
            tab = Tab(context.new_page(), context)
            tab.page.on("console", lambda message: tab.said.append(message.text))
            tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
            try:
                return act(tab)
            finally:
                launched.close()


Told = Queue[tuple[str, dict[str, float]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, store: Any) -> Told:
    """What has come in, as it was kept."""
    arrived: Told = Queue()
    keep = _vitals_views.keep_vitals

    def keep_and_say(route: str, metrics: dict[str, float]) -> None:
        keep(route, metrics)
        arrived.put((route, metrics))

    monkeypatch.setattr(_vitals_views, "keep_vitals", keep_and_say)
    monkeypatch.setattr(_vitals_limit, "limit", _vitals_limit.Limit())
    return arrived


@pytest.fixture
def browser(transactional_db: None, chromium: str, told: Told) -> Iterator[Browser]:
    caches["default"].clear()
    with override_settings(DEBUG=False):
        server = LiveServer("127.0.0.1")
        yield Browser(chromium, server.url)
        server.stop()


def mean(route: str, metric: str) -> float:
    """Milliseconds, as the store has it."""
    [row] = [row for row in window().vitals if (row.route, row.metric) == (route, metric)]
    return row.sum / row.count / 1000


#: The same by an observer of the test's own.
OWN = """(() => {
  const [page] = performance.getEntriesByType("navigation");
  const found = { ttfb: page.responseStart, response: page.responseEnd, cls: 0, inp: 0,
                  dom: page.domContentLoadedEventEnd, load: page.loadEventEnd };
  const types = ["largest-contentful-paint", "event", "layout-shift"];
  const observer = new PerformanceObserver(() => {});
  types.forEach((type) => observer.observe({ type, buffered: true }));
  for (const entry of observer.takeRecords()) {
    if (entry.interactionId) found.inp = Math.max(found.inp, entry.duration);
    else if (entry.entryType === "layout-shift") found.cls += entry.value;
    else if (entry.entryType !== "event") found.lcp = entry.startTime;
  }
  return found;
})()"""
#: When the page is left, which is when it tells: a frame later there may be more.
LEFT = f"addEventListener('pagehide', () => {{ sessionStorage.own = JSON.stringify({OWN}); }})"


def test_a_slow_script_and_a_slow_picture(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        tab.page.goto("/slow/", wait_until="load")
        tab.known(lambda own: own.get("lcp", 0) >= 1000 * SLOW)  # nothing counts after an input
        tab.page.click("button")
        tab.known(lambda own: own["inp"] >= 1000 * HANDLER)
        tab.value(LEFT)
        tab.leave()
        own = json.loads(tab.value("sessionStorage.own"))
        return own, told.get(timeout=PATIENCE), tab.said

    own, (route, metrics), said = browser.visit(look)
    assert said == []  # nothing that the policy forbids
    assert route == "slow/"
    assert metrics == pytest.approx(own)
    front = max(own["load"], own["lcp"]) - own["response"]
    assert mean("slow/", "front") == pytest.approx(front, abs=0.002)
    assert mean("slow/", "inp") == own["inp"]
    assert front >= 1000 * SLOW
    assert metrics["inp"] >= 1000 * HANDLER
    assert metrics["dom"] >= 1000 * BUSY
    assert metrics["cls"] > 0.01  # the picture pushes down what is below it


def test_a_fast_page(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        tab.page.goto("/fast/")
        tab.leave()
        return told.get(timeout=PATIENCE)

    route, metrics = browser.visit(look)
    assert (route, metrics["cls"], "inp" in metrics) == ("fast/", 0, False)


def test_what_the_server_says_of_itself(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        tab.page.goto("/timed/")
        tab.leave()
        return told.get(timeout=PATIENCE)

    assert browser.visit(look)[1]["server"] == 42.5


def test_a_page_that_is_kept(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        statuses = []
        for _ in range(2):
            answer = tab.page.goto("/kept/")
            assert answer is not None
            statuses.append(answer.headers["cache-status"])
            tab.leave()
        return statuses, [told.get(timeout=PATIENCE)[0] for _ in range(2)]

    statuses, routes = browser.visit(look)
    assert "unhurried; hit" in statuses[1]
    assert routes == ["kept/", "kept/"]


def test_a_page_that_is_closed(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        tab.context.new_page()  # the browser stays
        tab.page.goto("/fast/")
        tab.page.close(run_before_unload=True)
        return told.get(timeout=PATIENCE)[0]

    assert browser.visit(look) == "fast/"


def test_over_plain_http_there_is_only_an_origin(
    browser: Browser, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    origins: list[Any] = []
    is_ours = _vitals_views._is_ours

    def noting(request: HttpRequest) -> bool:
        origins.append([request.META.get(f"HTTP_{n}") for n in ("SEC_FETCH_SITE", "ORIGIN")])
        return is_ours(request)

    monkeypatch.setattr(_vitals_views, "_is_ours", noting)

    def look(tab: Tab) -> Any:
        tab.page.goto("/fast/")
        tab.leave()
        return told.get(timeout=PATIENCE)[0]

    assert browser.visit(look, host="shop.test") == "fast/"
    assert origins == [[None, browser.address.replace("127.0.0.1", "shop.test")]]


@pytest.mark.parametrize("where", ["/never/", "/fast/?hidden"])
def test_what_is_not_told(browser: Browser, told: Told, where: str) -> None:
    """The next view is: so this one was not."""

    def look(tab: Tab) -> Any:
        if "hidden" in where:
            tab.page.add_init_script(
                "if (location.search === '?hidden')"
                "Object.defineProperty(document, 'hidden', { get: () => true });"
            )
        tab.page.goto(where)
        tab.leave()
        tab.page.goto("/kept/")
        tab.leave()
        return told.get(timeout=PATIENCE)[0]

    assert browser.visit(look) == "kept/"


def test_once_though_it_is_hidden_shown_and_left(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        tab.page.goto("/twice/")
        for hidden in ("true", "false", "true"):
            tab.value(
                "Object.defineProperty(document, 'hidden', "
                f"{{ value: {hidden}, configurable: true }});"
                "document.dispatchEvent(new Event('visibilitychange'))"
            )
        tab.leave()
        tab.page.goto("/kept/")
        tab.leave()
        return [told.get(timeout=PATIENCE)[0] for _ in range(2)]

    assert browser.visit(look) == ["twice/", "kept/"]
    with pytest.raises(Empty):
        told.get_nowait()


def test_a_page_that_comes_back_is_not_told_again(browser: Browser, told: Told) -> None:
    """From the back/forward cache: it is the same view, and keeps its place there."""

    def look(tab: Tab) -> Any:
        tab.page.goto("/fast/")
        tab.value(
            "self.addEventListener('pageshow', (event) => {"
            "  location.href = event.persisted ? '/kept/#back' : '/other/';"
            "})"
        )
        tab.leave()
        tab.value("setTimeout(() => history.back())")
        tab.page.wait_for_url("**/kept/#back")
        tab.leave()
        return [told.get(timeout=PATIENCE)[0] for _ in range(2)]

    launch = {"ignore_default_args": ["--disable-back-forward-cache"]}
    assert browser.visit(look, **launch) == ["fast/", "kept/"]


def test_a_page_that_was_made_ahead(browser: Browser, told: Told, tmp_path: Path) -> None:
    """Its times begin when it is shown: it was there by then.

    A page made ahead waits for who debugs its browser, so nobody does: the pages go by themselves.
    """
    flags = [*CHROMIUM_ARGS, "--headless", "--no-first-run", f"--user-data-dir={tmp_path}"]
    argv = [browser.executable, *flags, f"{browser.address}/ahead/"]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        try:
            route, metrics = told.get(timeout=PATIENCE)
        finally:
            running.terminate()
    assert route == "shown/"
    assert loaded_ahead.is_set()
    assert [metrics[name] for name in ("ttfb", "response", "dom", "load")] == [0, 0, 0, 0]
    if "lcp" in metrics:  # on a busy machine it is left before anything is drawn
        assert metrics["lcp"] > 0


FAKE = """
self.PerformanceObserver = class {
  static supportedEntryTypes = ["event", "first-input", "layout-shift"];
  constructor(see) { self.feed = (entries) => see({ getEntries: () => entries }); }
  observe() {}
  disconnect() {}
  takeRecords() { return []; }
};
Object.defineProperty(performance, "interactionCount", { value: 120 });
"""


def fed(browser: Browser, told: Told, entries: list[dict[str, Any]]) -> dict[str, float]:
    """What is told of a page whose browser has seen these."""

    def look(tab: Tab) -> Any:
        tab.page.add_init_script(FAKE)
        tab.page.goto("/fast/")
        tab.page.evaluate("(entries) => self.feed(entries)", entries)
        tab.leave()
        return told.get(timeout=PATIENCE)[1]

    metrics: dict[str, float] = browser.visit(look)
    return metrics


def shift(at: float, value: float, *, after_input: bool = False) -> dict[str, Any]:
    known = {"entryType": "layout-shift", "startTime": at, "value": value}
    return {**known, "hadRecentInput": after_input}


def press(number: int, duration: float, kind: str = "event") -> dict[str, Any]:
    return {"entryType": kind, "startTime": 1, "interactionId": number, "duration": duration}


@pytest.mark.parametrize(
    ("shifts", "cls"),
    [
        ([], 0),
        ([shift(0, 0.125)], 0.125),
        ([shift(0, 0.5), shift(1000, 0.5), shift(2001, 0.75)], 1),  # a gap of a second ends it
        ([shift(900 * n, 0.125) for n in range(8)], 0.75),  # and so do five seconds
        ([shift(10, 4, after_input=True), shift(20, 0.25)], 0.25),
    ],
    ids=["none", "one", "a gap", "long", "after input"],
)
def test_how_much_has_moved(
    browser: Browser, told: Told, shifts: list[dict[str, Any]], cls: float
) -> None:
    assert fed(browser, told, shifts)["cls"] == cls


@pytest.mark.parametrize(
    ("presses", "inp"),
    [
        ([], None),
        ([press(0, 900)], None),  # no interaction: a pointer that was only moved
        ([press(1, 16, "first-input")], 16),
        ([press(1, 48), press(1, 80), press(1, 64)], 80),
        ([press(n, 1000 + n) for n in range(1, 60)], 1057),  # of 120, the third worst
    ],
    ids=["none", "no interaction", "first", "several events of one", "many"],
)
def test_how_long_an_input_waits(
    browser: Browser, told: Told, presses: list[dict[str, Any]], inp: float | None
) -> None:
    assert fed(browser, told, presses).get("inp") == inp


@pytest.mark.parametrize(
    "lacks",
    [
        "navigator.sendBeacon = undefined",
        "navigator.sendBeacon = () => false",
        "Object.defineProperty(performance, 'interactionCount', { value: undefined })",
    ],
)
def test_a_browser_that_lacks_something_tells(browser: Browser, told: Told, lacks: str) -> None:
    def look(tab: Tab) -> Any:
        tab.page.add_init_script(lacks)
        tab.page.goto("/fast/")
        tab.leave()
        return told.get(timeout=PATIENCE)[0], tab.said

    assert browser.visit(look) == ("fast/", [])


@pytest.mark.parametrize(
    "lacks",
    [
        "self.PerformanceObserver = undefined",
        "PerformanceObserver = class {}",
        "performance.getEntriesByType = undefined",
        "performance.getEntriesByType = () => []",
        "Object.defineProperty(document, 'currentScript', { value: null })",
    ],
)
def test_a_browser_that_lacks_more_says_nothing(browser: Browser, told: Told, lacks: str) -> None:
    def look(tab: Tab) -> Any:
        tab.page.add_init_script(f"if (location.pathname === '/fast/') {{ {lacks} }}")
        tab.page.goto("/fast/")
        tab.leave()
        tab.page.goto("/kept/")
        tab.leave()
        return told.get(timeout=PATIENCE)[0], tab.said

    assert browser.visit(look) == ("kept/", [])


def test_a_sample(browser: Browser, told: Told) -> None:
    def look(tab: Tab) -> Any:
        found = []
        for chance in ("0.49", "0.51"):
            tab.page.add_init_script(f"Math.random = () => {chance}")
            tab.page.goto("/half/")
            found.append(tab.value("self.unhurriedVitals === true"))
        return found

    assert browser.visit(look) == [True, False]
