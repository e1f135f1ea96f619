"""What a stranger found in hang_on, in proofs and in commands."""

from __future__ import annotations

import io
import shlex
import subprocess
import sys
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.core.management import CommandError, call_command
from django.http import HttpRequest, HttpResponse
from django.test import AsyncRequestFactory, RequestFactory
from django.urls import path
from django.utils import timezone, translation

from tests.books.models import Author, Book
from unhurried.dashboard._regions import _without
from unhurried.diagnose import _diagnose, _text
from unhurried.later import progress
from unhurried.later._hang_on import _answers
from unhurried.later._hang_on._asked import _told
from unhurried.later._hang_on._job import remade
from unhurried.later._hang_on._options import checked
from unhurried.later._hang_on._works import Seen
from unhurried.later._task._task import Task
from unhurried.measure import _history
from unhurried.queries import count_queries
from unhurried.queries._edit._diff import diff
from unhurried.queries._prove import _elsewhere
from unhurried.queries._prove._replay import replay
from unhurried.queries._prove._sandbox import sandbox


def from_far_away(request: HttpRequest) -> HttpResponse:
    translation.activate("de")
    timezone.activate(ZoneInfo("Asia/Tokyo"))
    return HttpResponse("x")


urlpatterns = [path("far/", from_far_away)]


def seen(done: float | None = None, total: float | None = None) -> Seen:
    now = datetime.now(UTC)
    return Seen("k", "running", done, total, "", None, "", 1, "h", now, now, None, now)


# Pages that are made in the background


@pytest.mark.parametrize(("done", "total"), [(1e307, 1e308), (1.0, 5e-324), (29, 100)])
def test_any_progress_is_a_percentage(done: float, total: float) -> None:
    percent = _answers.shown(seen(done, total), None)["percent"]
    assert percent == (29 if done == 29 else 10 if done == 1e307 else 100)


def test_a_number_that_is_none_of_floats_is_no_progress() -> None:
    with pytest.raises(ValueError, match="from 0 on"):
        progress(10**400)


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
def test_a_query_that_nobody_has_quoted_is_asked_again(kind: str) -> None:
    options = checked(
        {"after": 0.3, "key": None, "vary": (), "keep": 60, "wait": 25}
        | {"limit": 4, "audience": "all", "template": "x"}
    )
    query = "q=é€&r=%C3%A9+a".encode()
    if kind == "asgi":
        scope = AsyncRequestFactory()._base_scope(path="/x/", query_string=query, method="GET")
        request: Any = ASGIRequest(scope, io.BytesIO())
    else:
        request = RequestFactory().get("/x/", QUERY_STRING=query.decode("latin-1"))
    assert request.GET["q"] == "é€"
    with remade(_told(request, options)) as again:
        assert again.GET == request.GET


def test_no_page_of_ours_leads_to_another_host() -> None:
    request = RequestFactory().get("/x?unhurried=regions")
    request.path = request.path_info = "//example.org/report"
    page = _answers.waiting(request, "unhurried/hang_on.html", seen(), None, 1).content.decode()
    assert "url=//example.org" not in page
    assert 'href="//example.org' not in page
    assert _without(request) == "/%2Fexample.org/report"


def test_a_task_of_a_moment_beyond_a_change_of_clocks() -> None:
    now = datetime.now(ZoneInfo("Europe/Berlin"))
    days = (now + timedelta(days=days) for days in range(1, 366))
    at = next(at for at in days if at.utcoffset() != now.utcoffset())
    due: Any = Task(print, name="summer").using(run_after=at)._due()
    left = (at.astimezone(UTC) - datetime.now(UTC)).total_seconds()
    assert due.expression.rhs.value.total_seconds() == pytest.approx(left, abs=60)


# Proofs


@pytest.mark.django_db
def test_a_row_that_is_asked_for_by_more_than_its_key_is_no_relation() -> None:
    for number in range(4):
        Book.objects.create(title="b", author=Author.objects.create(name=f"author {number}"))
    with sandbox(), count_queries() as queries:
        for book in Book.objects.order_by("pk"):
            Author.objects.get(id=book.author_id, name__startswith="author")
    assert queries.findings
    for finding in queries.findings:
        assert "select_related" not in finding.remedy
        assert "name__startswith" not in diff(finding)[0]


@pytest.mark.django_db
@pytest.mark.urls(__name__)
def test_a_replay_leaves_neither_language_nor_zone() -> None:
    before = translation.get_language(), timezone.get_current_timezone_name()
    replay("/far/")
    assert (translation.get_language(), timezone.get_current_timezone_name()) == before


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "tests.settings")
    monkeypatch.setattr(_elsewhere, "_databases", lambda folder: nullcontext({}))


def test_a_page_that_takes_for_ever_elsewhere_is_not_tried(
    elsewhere: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_elsewhere, "SECONDS", 0.05)
    with pytest.raises(_elsewhere.UntriedError, match="took longer"):
        _elsewhere.ask("/", None, {})


def test_a_path_among_the_paths(elsewhere: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path, Path("/srv/apps")])
    gone = subprocess.CompletedProcess([], 1, "", "gone")
    monkeypatch.setattr(_elsewhere.subprocess, "run", lambda *args, **kwargs: gone)
    with pytest.raises(_elsewhere.UntriedError, match="gone"):
        _elsewhere.ask("/", None, {})


# Commands and figures

URLS = ["http://[::1", "http://localhost:abc/", "http://localhost:99999/", "http://ho st/"]


@pytest.mark.django_db
@pytest.mark.parametrize("url", [*URLS, "feed", "//x", "/\0", "https:///x", "/x?\ud800"])
@pytest.mark.parametrize("verb", ["diagnose --yes --url", "edge check", "why", "warm"])
def test_an_address_that_is_none_is_told_in_a_line(
    verb: str, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A command that ends with its process leaves it on; this process goes on.
    monkeypatch.setattr(_diagnose, "track_everywhere", lambda: None)
    first, last = verb.split(), url
    if first[-1] == "--url":
        last = f"{first.pop()}={url}"
    try:
        call_command("unhurried", *first, last, stdout=io.StringIO())
    except (CommandError, SystemExit) as error:
        assert str(error)  # noqa: PT017 - some are addresses after all


def test_the_line_to_apply_can_be_pasted() -> None:
    report: Any = SimpleNamespace(url="/feed/?page=2&kind=a", user="o'neil x")
    words = ["--url", "/feed/?page=2&kind=a", "--user", "o'neil x", "--diff"]
    assert shlex.split(_text._command(report)) == ["manage.py", "unhurried", "diagnose", *words]


def test_history_goes_on_where_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class LookedAt(Exception):  # noqa: N818
        pass

    class Source:
        def merged(self) -> None:
            raise LookedAt

    history = _history.History(tmp_path)
    history._before = {span: SimpleNamespace(at=3600.0) for span in _history.SPANS}  # type: ignore[misc]
    monkeypatch.setattr(_history, "reader", Source)
    with pytest.raises(LookedAt):
        history.sample(0.0)
