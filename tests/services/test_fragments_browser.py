"""Fragments that the browser fetches, in a real Chromium under a strict policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import override_settings
from django.urls import include, path
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from playwright.sync_api import Page, sync_playwright
from pytest_django.live_server_helper import LiveServer

from tests.servers import CHROMIUM_ARGS
from unhurried.cache import cached_page, fragment

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]

ARTEFACTS = Path(__file__).resolve().parent.parent.parent / "artefacts"
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'"
ready = Event()
failing: list[int] = []
asked: list[str] = []


@fragment("greeting", audience="user", fallback="<em>Hello …</em>")
def greeting(request: HttpRequest) -> Any:
    asked.append("greeting")
    if failing:
        failing.pop()
        raise ValueError("not now")
    return format_html("<b id=greeting>Hello, {}</b>", request.user.username or "you")


@fragment("far-down", lazy=True)
def far_down(request: HttpRequest) -> Any:
    asked.append("far-down")
    return mark_safe("<p id=far>Here.</p>")


@fragment("slow", fallback="<em>Loading</em>")
def slow(request: HttpRequest) -> Any:
    ready.wait(20)
    return mark_safe("<p id=slow>At last.</p>")


def page(*names: str) -> Any:
    tags = "".join(f'<div>{{% fragment "{name}" by="client" %}}</div>' for name in names)
    source = (
        '{% load unhurried %}<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f"<title>Books</title></head><body><h1>Books</h1>{tags}</body></html>"
    )

    def view(request: HttpRequest) -> HttpResponse:
        from django.template import engines

        response = HttpResponse(engines["django"].from_string(source).render({}, request))
        response["Content-Security-Policy"] = POLICY
        return response

    view.__qualname__ = "-".join(names)
    return cached_page(600)(view)


def tall(request: HttpRequest) -> HttpResponse:
    from django.template import engines

    rows = "<p>row</p>" * 200
    source = (
        '{% load unhurried %}<!doctype html><html lang="en"><title>Tall</title><body>'
        f'{rows}{{% fragment "far-down" %}}</body></html>'
    )
    return HttpResponse(engines["django"].from_string(source).render({}, request))


urlpatterns = [
    path("greets/", page("greeting", "greeting")),
    path("slow/", page("slow")),
    path("tall/", tall),
    path("other/", lambda request: HttpResponse("<title>Other</title>")),
    path("unhurried/", include("unhurried.urls")),
]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    for each in (asked, failing):
        each.clear()
    ready.clear()
    caches["default"].clear()
    with override_settings(DEBUG=False):
        yield
    ready.set()


@dataclass
class Tab:
    """A page of the browser, and what its console has said."""

    page: Page
    said: list[str] = field(default_factory=list)

    def text(self, selector: str) -> str:
        self.page.wait_for_selector(selector, state="attached", timeout=20_000)
        return self.page.inner_text(selector)


class Browser:
    """Each visit in a thread of its own: Playwright's event loop would keep Django's ORM away."""

    def __init__(self, executable: str, address: str) -> None:
        self.executable, self.address = executable, address

    def visit(self, act: Callable[[Tab], Any], *, session: str = "", script: bool = True) -> Any:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(self._visit, act, session, script=script).result()

    def _visit(self, act: Callable[[Tab], Any], session: str, *, script: bool) -> Any:
        with sync_playwright() as playwright:
            launched = playwright.chromium.launch(
                executable_path=self.executable, args=[*CHROMIUM_ARGS, "--no-first-run"]
            )
            context = launched.new_context(base_url=self.address, java_script_enabled=script)
            if session:
                cookie: Any = {"name": "sessionid", "value": session, "url": self.address}
                context.add_cookies([cookie])
            tab = Tab(context.new_page())
            tab.page.on("console", lambda message: tab.said.append(message.text))
            tab.page.on("pageerror", lambda error: tab.said.append(str(error)))
            try:
                return act(tab)
            finally:
                launched.close()


@pytest.fixture
def browser(transactional_db: None, chromium: str) -> Iterator[Browser]:
    ARTEFACTS.mkdir(exist_ok=True)
    server = LiveServer("127.0.0.1")
    yield Browser(chromium, server.url)
    server.stop()


def session_of(name: str) -> str:
    client = Client()
    client.force_login(User.objects.create_user(name))
    return str(client.cookies["sessionid"].value)


def test_each_is_greeted_on_a_page_for_all(browser: Browser) -> None:
    def look(tab: Tab) -> Any:
        answer = tab.page.goto("/greets/")
        assert answer is not None
        greetings = [tab.text(f"#greeting >> nth={n}") for n in (0, 1)]
        tab.page.screenshot(path=ARTEFACTS / "fragment-client.png")
        busy = tab.page.query_selector("[aria-busy]")
        return answer.headers["cache-status"], answer.text(), greetings, busy, tab.said

    assert browser.visit(look)[2] == ["Hello, you"] * 2
    status, text, greetings, busy, said = browser.visit(look, session=session_of("ada"))
    assert "unhurried; hit" in status
    assert "ada" not in text
    assert greetings == ["Hello, ada"] * 2
    assert busy is None
    assert said == []  # nothing that the policy forbids


def test_the_dom_is_that_of_the_other_compositions(browser: Browser) -> None:
    def look(tab: Tab) -> str:
        tab.page.goto("/greets/")
        tab.text("#greeting >> nth=0")
        return tab.page.inner_html("unhurried-fragment >> nth=0")

    assert browser.visit(look) == '<b id="greeting">Hello, you</b>'


def test_while_it_is_on_its_way(browser: Browser) -> None:
    def look(tab: Tab) -> list[Any]:
        tab.page.goto("/slow/")
        before = (
            tab.text("unhurried-fragment"),
            tab.page.get_attribute("unhurried-fragment", "aria-busy"),
        )
        tab.page.screenshot(path=ARTEFACTS / "fragment-client-slow.png")
        ready.set()
        tab.text("#slow")
        return [*before, tab.text("unhurried-fragment")]

    assert browser.visit(look) == ["Loading", "true", "At last."]


def test_a_lazy_one_waits_until_it_is_seen(browser: Browser) -> None:
    def look(tab: Tab) -> list[int]:
        tab.page.goto("/tall/")
        tab.page.wait_for_load_state("networkidle")
        before = len(asked)
        tab.page.mouse.wheel(0, 100_000)
        tab.text("#far")
        return [before, len(asked)]

    assert browser.visit(look) == [0, 1]


def test_it_asks_again_where_it_failed(browser: Browser) -> None:
    seen: list[int] = []

    def once(route: Any) -> None:
        seen.append(1)
        if len(seen) == 1:
            route.abort()
        else:
            route.continue_()

    def look(tab: Tab) -> str:
        ready.set()
        tab.page.route("**/unhurried/f/**", once)
        tab.page.goto("/slow/")
        return tab.text("#slow")

    assert browser.visit(look) == "At last."
    assert len(seen) == 2


def test_one_that_fails_for_good_leaves_a_link(browser: Browser) -> None:
    def look(tab: Tab) -> list[Any]:
        tab.page.route("**/unhurried/f/**", lambda route: route.abort())
        tab.page.goto("/greets/")
        tab.text("unhurried-fragment[state=failed] >> nth=1")
        tab.page.screenshot(path=ARTEFACTS / "fragment-client-failed.png")
        busy = tab.page.query_selector("[aria-busy]")
        return [tab.text("unhurried-fragment a >> nth=0"), busy]

    assert browser.visit(look) == ["greeting", None]


def test_without_javascript_there_is_a_link(browser: Browser) -> None:
    def look(tab: Tab) -> str:
        tab.page.goto("/greets/")
        tab.page.screenshot(path=ARTEFACTS / "fragment-client-no-script.png")
        tab.page.click("unhurried-fragment a >> nth=0")
        return tab.text("#greeting")

    assert browser.visit(look, script=False) == "Hello, you"


def test_the_back_button(browser: Browser) -> None:
    def look(tab: Tab) -> str:
        tab.page.goto("/greets/")
        tab.text("#greeting >> nth=1")
        tab.page.goto("/other/")
        tab.page.go_back()
        return tab.text("#greeting >> nth=1")

    assert browser.visit(look) == "Hello, you"
