"""Requests far beyond their route's p99: told in the verdict, and on the route's page."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.diagnose.windows import healthy, route, unit
from unhurried.dashboard import _routes
from unhurried.diagnose._asking import of
from unhurried.measure import _slow, _store


def slow(route: str, seconds: float, frames: list[str], count: int = 9) -> dict:
    stacks = [{"count": count, "frames": frames}, {"count": 1, "frames": ["other.py:1 f"]}]
    told = {"route": route, "at": time.time(), "seconds": seconds, "looks": count + 1}
    return told | {"stacks": stacks}


@pytest.fixture
def kept(client: Client, store: Path) -> None:
    client.get("/empty/")
    opened = _store.current()
    assert opened is not None
    line = "pins/views.py:31 feed"
    _slow.keep(opened, [slow("empty/", 8.2, [line, "x.py:1 y"]), slow("empty/", 3.0, [line])])
    _slow.keep(opened, [slow("elsewhere/", 99.0, ["z.py:1 z"])])


def test_the_verdict_names_the_line_that_most_looks_met(kept: None) -> None:
    window = healthy(units={unit("empty/"): route()}, at=time.time())
    assert of(window).notes[0] == (
        "/empty/: 2 requests took up to 8.2 s, far beyond the others; "
        "18 looks of 20 met pins/views.py:31 feed."
    )


def test_what_was_before_this_window_is_not_told(kept: None) -> None:
    window = healthy(units={unit("empty/"): route()}, at=time.time() + 3600)
    assert not any("far beyond" in note for note in of(window).notes)


@pytest.mark.django_db
def test_the_route_s_page_has_their_stacks(client: Client, kept: None) -> None:
    client.force_login(User.objects.create_user("staff", is_staff=True))
    html = client.get(f"/unhurried/routes/{_routes.slug('request', 'empty/')}/").content.decode()
    assert "Far beyond its p99" in html
    assert html.count("<details><summary>9\u00a0looks of 10 met <code>pins/views.py:31") == 2
    assert "z.py:1" not in html
