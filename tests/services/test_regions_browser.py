"""``?unhurried=regions`` in a real Chromium, under the strictest policy; pictures in artefacts/."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from tests.books.models import Author, Book
from tests.cache.regions_site import templates
from tests.services.test_dashboard_browser import ARTEFACTS, TOO_WIDE, Browser
from unhurried.dashboard import _staff

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.cache.regions_site"),
]
ALL = "/show/all/?unhurried=regions"
BOXES = """() => [...document.querySelector("unhurried-regions").shadowRoot
  .querySelectorAll(".box")].map((box) => {
    const { x, y, width, height } = box.getBoundingClientRect();
    return { colour: box.classList[1], region: box.dataset.region, x, y, width, height };
  })"""
RECT = """(selector) => {
  const { x, y, width, height } = document.querySelector(selector).getBoundingClientRect();
  return { x, y, width, height };
}"""
INNER = """(selector) => document.querySelector("unhurried-regions").shadowRoot
  .querySelector(selector)?.innerText"""
FOCUSED = """() => {
  const found = document.querySelector("unhurried-regions").shadowRoot.activeElement;
  return found && (found.ariaLabel || found.innerText);
}"""
DRAWN = "() => document.querySelector('unhurried-regions')?.shadowRoot.querySelector('.box')"


@pytest.fixture
def browser(transactional_db: None, store: Path, settings: Any, chromium: str) -> Iterator[Browser]:
    _staff._no.clear()
    settings.TEMPLATES = templates(settings)
    settings.MIDDLEWARE = ["tests.dashboard.site.strict_csp", *settings.MIDDLEWARE]
    settings.STATIC_URL, settings.MEDIA_URL = "static/", "media/"  # the live server serves them
    for number in range(1, 5):
        Book.objects.create(title=f"Book {number}", author=Author.objects.create(name="Ann"))
    client = Client()
    client.force_login(User.objects.create(username="staff", is_staff=True))
    server = LiveServer("127.0.0.1")
    cookies = {name: morsel.value for name, morsel in client.cookies.items()} | {"theme": "dark"}
    yield Browser(chromium, server.url, cookies)
    server.stop()


def boxes(page: Page) -> list[dict[str, Any]]:
    page.wait_for_function(DRAWN)
    return page.evaluate(BOXES)  # type: ignore[no-any-return]


def around(box: dict[str, Any], rect: dict[str, Any]) -> bool:
    """Whether they are one, to the pixel."""
    return all(abs(box[side] - rect[side]) < 1.5 for side in ("x", "y", "width", "height"))


def within(box: dict[str, Any], rect: dict[str, Any]) -> bool:
    return (
        box["x"] >= rect["x"] - 1
        and box["y"] >= rect["y"] - 1
        and box["x"] + box["width"] <= rect["x"] + rect["width"] + 1
        and box["y"] + box["height"] <= rect["y"] + rect["height"] + 1
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1280])
def test_the_boxes_are_where_the_regions_are(browser, width, scheme):
    def act(page: Page) -> Any:
        found = boxes(page)
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"regions-{width}-{scheme}.png")
        selectors = ("#hello", "tbody tr", "#choice", "#shared", "#foot", "#time", "#last")
        return (
            found,
            {each: page.evaluate(RECT, each) for each in selectors},
            page.evaluate(TOO_WIDE),
        )

    seen = browser.visit(ALL, act, width=width, scheme=scheme)
    found, rects, too_wide = seen.answer
    assert seen.complaints == []
    assert not too_wide

    def of(colour: str) -> list[dict[str, Any]]:
        return [box for box in found if box["colour"] == colour]

    [greeting] = [box for box in of("amber") if within(box, rects["#hello"])]
    assert greeting["width"] < rects["#hello"]["width"]  # the name alone
    assert len([box for box in of("amber") if around(box, rects["tbody tr"])]) == 1
    assert len([box for box in of("amber") if around(box, rects["#choice"])]) == 1
    assert len([box for box in of("green") if around(box, rects["#shared"])]) == 1
    assert len([box for box in of("green") if around(box, rects["#foot"])]) == 1
    assert len([box for box in of("red") if within(box, rects["#time"])]) == 1
    assert len(of("amber")) == 1 + 4 + 1  # the greeting, a row for each book, the choice


def test_the_keyboard_reaches_each_region(browser):
    def act(page: Page) -> list[Any]:
        boxes(page)
        reached = []
        for _ in range(60):
            page.keyboard.press("Tab")
            told = page.evaluate(FOCUSED)
            if told:
                reached.append((told, page.evaluate(INNER, ".tip:not([hidden])")))
            if told and told.startswith("for everybody") and "at" not in told:
                break
        page.keyboard.press("Escape")
        return [reached, page.evaluate(INNER, ".tip:not([hidden])")]

    (reached, after) = browser.visit(ALL, act).answer
    names = [told for told, _ in reached]
    assert names[0] == "What of this page is cacheable"
    assert any(name.startswith("all.html:5") for name in names)
    said = [tip for told, tip in reached if told.startswith("per user or variant: all.html:5")]
    assert said
    assert "reads user:username" in said[0]
    assert after is None


def test_a_pointer_is_told_what_it_points_at(browser):
    def act(page: Page) -> Any:
        [amber, *_] = [box for box in boxes(page) if box["colour"] == "amber"]
        page.mouse.move(amber["x"] + 2, amber["y"] + 2)
        hovered = page.evaluate(INNER, ".tip:not([hidden])")
        page.mouse.move(640, 880)
        left = page.evaluate(INNER, ".tip:not([hidden])")
        page.mouse.click(amber["x"] + 2, amber["y"] + 2)
        page.mouse.move(640, 880)
        return hovered, left, page.evaluate(INNER, ".tip:not([hidden])")

    seen = browser.visit(ALL, act)
    hovered, left, clicked = seen.answer
    assert hovered.startswith("per user or variant")
    assert "all.html:5" in hovered
    assert left is None
    assert clicked == hovered
    assert seen.complaints == []


def test_boxes_follow_the_page(browser):
    def act(page: Page) -> Any:
        boxes(page)
        page.set_viewport_size({"width": 500, "height": 300})
        page.evaluate("document.querySelector('#hello').prepend('Good morning! '.repeat(20))")
        page.wait_for_function(
            f"""() => {{
              const rect = ({RECT})("#foot");
              return ({BOXES})().some((box) => box.colour === "green"
                && Math.abs(box.y - rect.y) < 1.5 && Math.abs(box.width - rect.width) < 1.5);
            }}"""
        )
        page.evaluate("scrollTo(0, 200)")
        page.wait_for_function(
            f"""() => {{
              const rect = ({RECT})("#foot");
              return ({BOXES})().some((box) => Math.abs(box.y - rect.y) < 1.5);
            }}"""
        )
        return True

    seen = browser.visit(ALL, act)
    assert (seen.answer, seen.complaints) == (True, [])


def test_the_panel_says_it_and_leads_back(browser):
    def act(page: Page) -> Any:
        boxes(page)
        said = page.evaluate(INNER, ".panel")
        page.get_by_role("button", name="Hide boxes").click()
        hidden = all(box["width"] == 0 for box in boxes(page))
        page.get_by_role("link", name="Back to the page").click()
        page.wait_for_url("**/show/all/")
        return said, hidden, page.locator("unhurried-regions").count()

    said, hidden, left = browser.visit(ALL, act).answer
    assert "Nothing on the page is personal but all.html:3" in said
    assert "+ @cached_page(600)" in said
    assert "for everybody" in said
    assert hidden
    assert left == 0


def test_the_page_sees_no_more_than_comments(browser):
    """Its own elements are those that it has without the picture."""
    count = "() => document.body.querySelectorAll('*').length"

    def act(page: Page) -> Any:
        boxes(page)
        with_them = page.evaluate(count)
        page.goto(browser.address + "/show/all/")
        page.evaluate("document.querySelector('#unhurried-badge')?.remove()")
        page.evaluate("document.querySelector('link[href*=badge]')?.remove()")
        return with_them - page.evaluate(count)

    assert browser.visit(ALL, act).answer == 2  # the data and the script
