"""The page of the ten questions: what it says where there is no PostgreSQL, and who may see it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from unhurried.dashboard import _dba_views
from unhurried.db.reading import Answer, Item, Report

from .test_pages import seen

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
PAGE = "/unhurried/dba/"
ITEM = Item(
    'SELECT "<b>"."id" FROM "<b>"',
    "41 %, 2.3 s",
    ("line 1 <i>", "line 2"),
    ("pins/feed.html:12 on /feed/, 100 %",),
)
REPORT = Report(
    *("default", "shop<script>", "15.4", "web", "3 GB", None),
    (
        Answer(
            "invalid", "Invalid indexes", "bad", "1 index", "There should be none.", (), (ITEM,)
        ),
        Answer("statements", "Top statements", "unknown", "no extension", "Why.", ("one", "two")),
        Answer("server", "Connections", "fine", "3 of 97", "Because.", facts=("2 idle: web",)),
    ),
)


def test_on_sqlite(staff: Client) -> None:
    html = seen(staff, PAGE)
    assert "The ten questions are PostgreSQL&#x27;s, and &#x27;default&#x27; is SQLite." in html
    assert "manage.py unhurried queries" in html
    assert 'data-state="still"' in html
    assert html.index(">Later</a>") < html.index(">DBA</a>") < html.index(">Yours</a>")


def test_a_database_there_is_not(staff: Client) -> None:
    html = seen(staff, f"{PAGE}?using=<b>nowhere", 404)
    assert "No database is called" in html
    assert "<b>nowhere" not in html


def test_answers_the_worst_first(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dba_views, "ask_dba", lambda alias: REPORT)
    html = seen(staff, PAGE)
    places = [html.index(text) for text in ("To be done now", "Not answered", "Nothing to do")]
    assert places == sorted(places)
    assert "Worth a look" not in html
    assert "shop&lt;script&gt;" in html
    assert "line 1 &lt;i&gt;" in html
    assert "pins/feed.html:12 on /feed/, 100 %" in html
    assert "2 idle: web" in html


def test_only_who_may(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(_dba_views, "ask_dba", asked.append)
    assert client.get(PAGE).status_code in (302, 403)
    client.force_login(User.objects.create(username="reader"))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE).status_code == 405
    assert asked == []
