"""The page of the ten questions in a real Chromium; pictures go to artefacts/.

What it shows was answered by a real PostgreSQL, beforehand: tests of pages may open no other
database than their own. The view itself is asked in ``test_dba``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from tests import servers
from tests.services.dba_database import OPTIONS, damage, fill, made
from tests.services.test_dashboard_browser import Browser, shot
from unhurried.dashboard import _dba_views, _staff
from unhurried.db.reading import Report, ask_dba
from unhurried.testing import override

pytestmark = [
    pytest.mark.busy,
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.dashboard.site"),
]


@pytest.fixture(scope="module")
def reports(django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Of a site that is ill, and of one that is well."""
    found = {}
    store = override(STORE=tmp_path_factory.mktemp("store") / "store")
    with servers.postgres(*OPTIONS) as server, django_db_blocker.unblock(), store:
        for name in ("ill", "well"):
            for database in made(server):
                fill(database)
                if name == "ill":
                    damage(database)
                connections["dba"].close()
                found[name] = ask_dba("dba")
    return found


@pytest.fixture
def browser(transactional_db: None, store: Any, settings: Any, chromium: str) -> Iterator[Browser]:
    _staff._no.clear()
    client = Client()
    client.force_login(User.objects.create(username="staff", is_staff=True))
    settings.MIDDLEWARE = ["tests.dashboard.site.strict_csp", *settings.MIDDLEWARE]
    settings.STATIC_URL, settings.MEDIA_URL = "static/", "media/"  # the live server serves them
    running = LiveServer("127.0.0.1")
    cookies = {name: morsel.value for name, morsel in client.cookies.items()}
    yield Browser(chromium, running.url, cookies)
    running.stop()


@pytest.fixture(params=["ill", "well"])
def site(
    request: pytest.FixtureRequest, reports: dict[str, Report], monkeypatch: pytest.MonkeyPatch
) -> str:
    monkeypatch.setattr(_dba_views, "ask_dba", lambda alias: reports[request.param])
    return str(request.param)


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (390, "dark"), (1280, "dark"), (1600, "light")]
)
def test_the_page(browser: Browser, site: str, width: int, scheme: str) -> None:
    act = shot(f"dba-{site}", width, scheme)
    seen = browser.visit("/unhurried/dba/", act, width=width, scheme=scheme)
    assert seen.complaints == []
    assert not seen.answer[0], "it is too wide"


@pytest.mark.parametrize("path", ["", "?using=nowhere"], ids=["sqlite", "nowhere"])
@pytest.mark.parametrize("width", [390, 1280])
def test_nobody_to_ask(browser: Browser, path: str, width: int) -> None:
    act = shot(f"dba-{'nowhere' if path else 'sqlite'}", width, "light")
    seen = browser.visit(f"/unhurried/dba/{path}", act, width=width)
    assert [each for each in seen.complaints if "404" not in each] == []
    assert not seen.answer[0], "it is too wide"


def test_it_does_not_ask_again_by_itself(browser: Browser, site: str) -> None:
    def act(page: Any) -> tuple[int, str, bool]:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.clock.run_for(30_000)
        return len(asked), page.inner_text("#said")[:8], page.is_visible("#pause")

    seen = browser.visit("/unhurried/dba/", act, clock=True)
    assert (seen.answer, seen.complaints) == ((0, "Asked at", False), [])
