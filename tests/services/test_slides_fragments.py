"""Slides 22 to 25 by real edges and a real browser; see also tests/test_slides_fragments.py."""

from __future__ import annotations

import pytest

from tests.services import test_fragments_browser, test_fragments_edge
from tests.services.test_fragments_browser import Browser, Tab, session_of
from tests.services.test_fragments_edge import visitor

varnish, nginx = test_fragments_edge.varnish, test_fragments_edge.nginx
browser, quiet = test_fragments_browser.browser, test_fragments_browser.quiet


@pytest.mark.parametrize("edge", ["varnish", "nginx"])
def test_23_the_edge_puts_it_in(edge: str, request: pytest.FixtureRequest) -> None:
    site = request.getfixturevalue(edge)
    for name, said in (("jacob", "Hello, jacob (16)"), ("", "Log in")):
        assert f"<div>{said}</div>" in site.get("/page/auto/", **visitor(site, name)).text


@pytest.mark.django_db(transaction=True)
@pytest.mark.urls("tests.services.test_fragments_browser")
@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without"])
def test_25_the_browser_puts_it_in(browser: Browser, script: bool) -> None:
    def look(tab: Tab) -> str:
        tab.page.goto("/greets/")
        if not script:
            tab.page.click("unhurried-fragment a >> nth=0")
        return tab.text("#greeting >> nth=0")

    assert browser.visit(look, session=session_of("jacob"), script=script) == "Hello, jacob"
