"""Waiting pages: who waits, who works, who sees what."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from django.utils.decorators import method_decorator
from django.views import View

from unhurried import testing
from unhurried.later import LaterError, hang_on, progress
from unhurried.later._hang_on import _job, _lane, _progress, _rows
from unhurried.later._lanes import lane
from unhurried.later.models import Work
from unhurried.later.reading import drain_now, paused

from .conftest import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
HTML = {"Accept": "text/html,*/*"}
POLL = {"Accept": "application/json", "X-Unhurried-Poll": "1"}


class Said:
    """What the views saw and are to do."""

    def __init__(self) -> None:
        self.calls: list[HttpRequest] = []
        self.error: Exception | None = None
        self.lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        with self.lock:
            self.calls.append(request)
        if self.error is not None:
            raise self.error
        return HttpResponse(f"for {request.user}", headers={"X-Mine": "yes"})


said = Said()


@hang_on(after=0)
def slow(request: HttpRequest) -> HttpResponse:
    progress(3, 10, "three")
    return said(request)


@hang_on(after=0)
async def aslow(request: HttpRequest) -> HttpResponse:
    await asyncio.sleep(0)
    return said(request)


@login_required
@hang_on(after=0, cap=2)
def mine(request: HttpRequest) -> HttpResponse:
    return said(request)


@hang_on(after=0)
def cookie(request: HttpRequest) -> HttpResponse:
    response = said(request)
    response.set_cookie("secret", "1")
    return response


@hang_on(after=0)
def stream(request: HttpRequest) -> StreamingHttpResponse:
    said(request)
    return StreamingHttpResponse([b"x"])


@method_decorator(hang_on(after=0), name="dispatch")
class Shown(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return said(request)


@hang_on(after=5)
def patient(request: HttpRequest) -> HttpResponse:
    return said(request)


urlpatterns = [
    path("slow/", slow),
    path("aslow/", aslow),
    path("mine/", mine),
    path("cookie/", cookie),
    path("stream/", stream),
    path("shown/", Shown.as_view()),
    path("patient/", patient),
]


@pytest.fixture(autouse=True)
def works(kicks: Any) -> Iterator[None]:
    """Kicks wait for ``drain_now``, but for tests that lift that."""
    global said
    said = Said()
    lane("hang_on", long=True)(_lane.drain)
    with override_settings(ROOT_URLCONF=__name__), paused():
        yield
        while kicks.pending.pop():  # or a thread does it after the test
            pass


def get(path: str = "/slow/", client: Any = None, **headers: str) -> Any:
    return (client or Client()).get(path, headers=headers)


def page(path: str = "/slow/", client: Any = None) -> Any:
    return get(path, client, **HTML)


def assert_never_kept(response: Any) -> None:
    assert response["Cache-Control"] == "no-store"
    assert response["X-Robots-Tag"] == "noindex"
    assert int(response["Retry-After"]) >= 1


def test_a_waiting_page_and_then_the_result_at_the_same_url() -> None:
    first = page()
    assert first.status_code == 202
    assert_never_kept(first)
    for piece in ("<progress", 'http-equiv="refresh"', 'content="noindex"', "hang_on.js"):
        assert piece in first.content.decode()
    assert drain_now() == ["hang_on"]
    second = page()
    assert (second.status_code, second.content) == (200, b"for AnonymousUser")
    assert second["X-Mine"] == "yes"
    assert len(said.calls) == 1


def test_one_work_for_all_who_wait() -> None:
    assert {page().status_code for _ in range(20)} == {202}
    drain_now()
    assert {page().status_code for _ in range(20)} == {200}
    assert len(said.calls) == 1


def test_a_result_is_fresh_for_as_long_as_it_is_kept() -> None:
    page()
    drain_now()
    Work.objects.update(expires=Now() - timedelta(seconds=1))
    assert page().status_code == 202
    drain_now()
    assert page().status_code == 200
    assert len(said.calls) == 2


@pytest.mark.parametrize("url", ["/aslow/", "/shown/"])
def test_async_views_and_classes(url: str) -> None:
    assert page(url).status_code == 202
    drain_now()
    assert page(url).content == b"for AnonymousUser"


def test_under_asgi() -> None:
    first = asyncio.run(AsyncClient().get("/aslow/", headers=HTML))
    assert first.status_code == 202
    drain_now()
    assert asyncio.run(AsyncClient().get("/aslow/", headers=HTML)).status_code == 200


def test_two_users_and_nobody_have_works_of_their_own() -> None:
    clients = [Client(), Client(), Client()]
    clients[0].force_login(User.objects.create_user("ann"))
    clients[1].force_login(User.objects.create_user("bob"))
    for client in clients:
        assert page(client=client).status_code == 202
    drain_now()
    seen = [page(client=client).content for client in clients]
    assert seen == [b"for ann", b"for bob", b"for AnonymousUser"]


def test_what_stands_above_runs_each_time_the_result_is_served() -> None:
    client = Client()
    client.force_login(User.objects.create_user("ann"))
    page("/mine/", client)
    drain_now()
    assert page("/mine/", client).content == b"for ann"
    client.logout()
    assert page("/mine/", client).status_code == 302


def test_who_has_become_inactive_gets_no_work_done() -> None:
    client = Client()
    client.force_login(User.objects.create_user("ann"))
    page("/mine/", client)
    User.objects.update(is_active=False)
    drain_now()
    assert Work.objects.get().state == "failed"
    assert said.calls == []


def test_the_work_sees_no_cookies_and_no_session() -> None:
    client = Client()
    client.cookies["secret"] = "1"
    get("/slow/?a=1", client, Accept="text/html", Authorization="secret")
    drain_now()
    (seen,) = said.calls
    assert (seen.COOKIES, seen.GET["a"], seen.get_host()) == ({}, "1", "testserver")
    assert not hasattr(seen, "session")
    assert "Authorization" not in seen.headers
    assert "secret" not in str(Work.objects.values())


def test_a_result_with_cookies_is_an_error_under_strict_and_else_loses_them(store: Any) -> None:
    page("/cookie/")
    drain_now()
    assert Work.objects.get().state == "failed"
    Work.objects.all().delete()
    page("/cookie/")
    with testing.override(STORE=store, STRICT=False):
        drain_now()
    response = page("/cookie/")
    assert (response.status_code, dict(response.cookies)) == (200, {})
    assert "secret" not in Work.objects.get().headers


def test_a_failure_has_a_number_and_no_text_and_stands_for_a_while() -> None:
    said.error = ValueError("the secret of it")
    page()
    drain_now()
    response = page()
    assert response.status_code == 500
    assert Work.objects.get().incident in response.content.decode()
    assert "secret" not in response.content.decode()
    assert_never_kept(response)
    assert drain_now() == []  # it stands
    Work.objects.update(expires=Now() - timedelta(seconds=1))
    said.error = None
    assert page().status_code == 202
    drain_now()
    assert page().status_code == 200


def test_streams_and_bodies_too_large_are_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    page("/stream/")
    monkeypatch.setattr(_job, "BODY", 3)
    page("/slow/")
    drain_now()
    assert set(Work.objects.values_list("state", flat=True)) == {"failed"}


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-Purpose": "prefetch;prerender"}, 503), ({"Purpose": "prefetch"}, 503)],
)
def test_prefetch_begins_nothing(headers: dict[str, str], status: int) -> None:
    response = get(**HTML, **headers)
    assert response.status_code == status
    assert_never_kept(response)
    assert not Work.objects.exists()


def test_head_begins_nothing_and_gets_the_headers_of_a_result() -> None:
    response = Client().head("/slow/", headers=HTML)
    assert (response.status_code, response.content) == (202, b"")
    assert not Work.objects.exists()
    page()
    drain_now()
    response = Client().head("/slow/", headers=HTML)
    assert (response.status_code, response["X-Mine"], response.content) == (200, "yes", b"")


def test_polls_hear_how_far_it_is_and_then_that_it_is_done() -> None:
    page()
    Work.objects.update(done=3, total=10, message="three")
    response = get(**POLL)
    assert response.status_code == 202
    assert response.json() == {"state": "waiting", "done": 3, "total": 10, "message": "three"}
    assert_never_kept(response)
    drain_now()
    assert get(**POLL).status_code == 204


def test_who_prefers_not_to_wait() -> None:
    response = get(Prefer="respond-async, wait=0")
    assert response.status_code == 202
    assert response["Preference-Applied"] == "respond-async"


@pytest.mark.parametrize("agent", ["Googlebot/2.1", "Yahoo! Slurp", "my-crawler"])
def test_crawlers_never_get_the_waiting_page(agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unhurried.later._hang_on._view.CRAWLER", 0)
    response = get(**HTML, **{"User-Agent": agent})
    assert (response.status_code, response.content) == (503, b"")
    assert_never_kept(response)


def test_the_cap_is_on_open_works_of_one_user() -> None:
    client, other = Client(), Client()
    client.force_login(User.objects.create_user("ann"))
    other.force_login(User.objects.create_user("bob"))
    codes = [page(f"/mine/?{n}", client).status_code for n in range(3)]
    assert codes == [202, 202, 429]
    assert page("/mine/?0", client).status_code == 202  # joins
    assert page("/mine/?2", other).status_code == 202
    drain_now()
    assert page("/mine/?2", client).status_code == 202


def test_unsafe_methods_are_not_touched() -> None:
    assert Client().post("/slow/").content == b"for AnonymousUser"
    assert not Work.objects.exists()


def test_who_died_is_replaced_and_not_for_ever() -> None:
    page()
    for attempt in (1, 2, 3):
        assert _rows.claim().attempts == attempt
        assert _rows.claim() is None  # the lease holds
        Work.objects.update(until=Now() - timedelta(seconds=1))
    assert _rows.claim() is None
    assert Work.objects.get().state == "failed"


def test_who_lost_the_lease_keeps_nothing() -> None:
    page()
    late = _rows.claim()
    Work.objects.update(until=Now() - timedelta(seconds=1))
    other = _rows.claim()
    _rows.finish(late, 200, "[]", b"late", 60)
    _rows.fail(late, "late")
    assert Work.objects.get().state == "running"
    _rows.finish(other, 200, "[]", b"other", 60)
    assert bytes(Work.objects.get().body) == b"other"


def test_progress_is_written_beside_the_work_and_never_goes_back() -> None:
    progress(1, 2, "nobody waits")
    page()
    row = _rows.claim()
    with _progress.Beside(row) as beside:
        beside.say(5, 10, "five")
        beside.say(4, 10, "four")
        wait_until(lambda: Work.objects.get().message == "four")
    assert (Work.objects.get().done, Work.objects.get().total) == (5, 10)


def test_expired_rows_are_swept() -> None:
    page("/slow/?old")
    drain_now()
    Work.objects.update(expires=Now() - timedelta(seconds=100))
    page("/slow/?new")
    assert Work.objects.count() == 1


@pytest.mark.parametrize(
    "wrong",
    [
        *({"after": "1"}, {"after": -1}, {"keep": 0}, {"cap": 0}, {"limit": True}),
        *({"key": "name"}, {"vary": "Accept"}, {"vary": ("Cookie",)}, {"template": ""}),
    ],
)
def test_arguments_that_cannot_be_meant(wrong: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"hang_on\("):
        hang_on(**wrong)


def test_without_the_app_the_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.apps.apps.is_installed", lambda name: False)
    with pytest.raises(LaterError, match=r'INSTALLED_APPS \+= \["unhurried.later"\]'):
        page()
