"""Replays: a page runs for real, and nothing of it stays."""

from __future__ import annotations

import gzip
import random
import sys
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from email.utils import formatdate
from types import ModuleType
from typing import Any

import celery
import django
import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.contrib.auth import get_user_model, user_logged_in
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core import mail
from django.core.cache import cache
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csrf import get_token
from django.middleware.gzip import GZipMiddleware
from django.test import override_settings
from django.urls import path
from django.utils import timezone
from django.utils.decorators import decorator_from_middleware

from tests.books.models import Author, Book
from unhurried.measure import measured
from unhurried.measure import reading as measure
from unhurried.measure._record import Record
from unhurried.queries._prove._bodies import difference, normalised
from unhurried.queries._prove._outgoing import OutgoingError
from unhurried.queries._prove._replay import ReplayError, replay
from unhurried.queries._prove._sandbox import InRequestError, RefusedError, sandbox

happened: list[Any] = []


def writes(request: HttpRequest) -> HttpResponse:
    Author.objects.create(name="new")
    transaction.on_commit(lambda: happened.append("committed"))
    with transaction.atomic(durable=True):
        Author.objects.update(name="renamed")
    request.session["seen"] = True
    return HttpResponse(f"{Author.objects.count()} {Author.objects.filter(name='renamed').count()}")


def commits(request: HttpRequest) -> HttpResponse:
    Author.objects.create(name="new")
    with connection.cursor() as cursor:
        cursor.execute("COMMIT")
    return HttpResponse()


def sends(request: HttpRequest) -> HttpResponse:
    mail.send_mail("Hello", "", "a@example.com", ["b@example.com"])
    cache.set("key", "replayed")
    try:
        urllib.request.urlopen("http://127.0.0.1:9/rates.json")
    except OutgoingError as error:
        happened.append(error)
    return HttpResponse(str(cache.get("other")))


@login_required
def whoami(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.user.username} {request.session.session_key}")


def token(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    said = (
        f"{now.isoformat()} {formatdate(usegmt=True)} {now.timestamp()} {datetime.now():%H:%M:%S}"
    )
    field = f'<input name="csrfmiddlewaretoken" value="{get_token(request)}">'
    nonce = f"{random.random()}"
    response = HttpResponse(f"{field} {get_token(request)} {said} <script nonce={nonce}>")
    response["Content-Security-Policy"] = f"script-src 'nonce-{nonce}'"
    return response


def chunks() -> Iterator[str]:
    for author in Author.objects.order_by("pk"):
        yield author.name


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(chunks())


async def achunks() -> AsyncIterator[str]:
    async for author in Author.objects.order_by("pk"):
        yield author.name


async def astream(request: HttpRequest) -> StreamingHttpResponse:
    await sync_to_async(Author.objects.create)(name="z")
    return StreamingHttpResponse(achunks())


def boom(request: HttpRequest) -> HttpResponse:
    Author.objects.create(name="new")
    raise RuntimeError("boom")


@decorator_from_middleware(GZipMiddleware)
def packed(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(gzip.compress(b"the page " * 50))
    response["Content-Encoding"] = "gzip"
    return response


def names(request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(book.author.name for book in Book.objects.order_by("pk")))


def record(request: HttpRequest) -> HttpResponse:
    happened.append(measure.current.get())
    return HttpResponse(request.build_absolute_uri())


URLS = ModuleType("tests_replay_urls")
URLS.urlpatterns = [  # type: ignore[attr-defined]
    path(f"{view.__name__}/", view)
    for view in (
        writes,
        commits,
        sends,
        whoami,
        token,
        stream,
        astream,
        boom,
        packed,
        record,
        names,
    )
]
sys.modules[URLS.__name__] = URLS


@pytest.fixture(autouse=True)
def site(db: None) -> Iterator[None]:
    happened.clear()
    Author.objects.create(name="a")
    Author.objects.create(name="b")
    with override_settings(ROOT_URLCONF=URLS.__name__, LOGIN_URL="/login/"):
        yield


def test_what_it_writes_is_rolled_back_and_hooks_on_commit_do_not_run(
    django_capture_on_commit_callbacks,
):
    with django_capture_on_commit_callbacks() as callbacks:
        page = replay("/writes/")
    assert page.body == b"3 3"
    assert page.status == 200
    assert set(Author.objects.values_list("name", flat=True)) == {"a", "b"}
    assert not callbacks
    assert not happened
    assert not Session.objects.exists()
    assert replay("/writes/").queries.total == page.queries.total


def test_with_atomic_requests_too(monkeypatch):
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    assert replay("/writes/").status == 500  # durable does not go with it, here as anywhere
    assert replay("/stream/").body == b"ab"
    assert Author.objects.count() == 2


def test_a_page_cannot_end_the_transaction():
    page = replay("/commits/")
    assert isinstance(page.error, RefusedError)
    assert Author.objects.count() == 2


def test_nothing_leaves_the_process():
    mail.outbox = []
    cache.clear()
    cache.set("other", "of the site")
    page = replay("/sends/")
    assert page.body == b"None"
    assert not mail.outbox
    assert cache.get("key") is None
    assert cache.get("other") == "of the site"
    assert "http://127.0.0.1:9/rates.json was not asked" in str(happened[0])
    assert page.held == ["a connection: http://127.0.0.1:9/rates.json", "a mail: Hello"]


def test_celerys_tasks_are_held_back():
    app = celery.Celery("site", broker="amqp://127.0.0.1:9//")

    @app.task(name="site.resize")
    def resize(pk: int) -> None: ...

    with sandbox() as held:
        assert resize.delay(1).id
    assert held == ["a task: site.resize"]


if django.VERSION >= (6, 0):

    def test_djangos_tasks_are_held_back(monkeypatch):
        """Its default backend would run it at once."""
        from django.tasks import task

        resize = task(note)
        monkeypatch.setitem(globals(), "note", resize)
        with sandbox() as held:
            resize.enqueue("ran")
        assert held == ["a task: tests.queries.test_replay.note"]
        assert not happened


def note(what: str) -> None:
    happened.append(what)


def test_outside_of_a_replay_connections_are_as_ever():
    with sandbox():
        pass
    with pytest.raises(OSError) as refused:  # noqa: PT011 - refused by the system, not by us
        urllib.request.urlopen("http://127.0.0.1:9/")
    assert not isinstance(refused.value, OutgoingError)


@pytest.mark.parametrize("engine", ["db", "cache", "cached_db", "file", "signed_cookies"])
def test_somebody_is_logged_in_and_nothing_of_it_stays(engine, tmp_path):
    logins: list[Any] = []
    user_logged_in.connect(logins.append, weak=False, dispatch_uid="test")
    user = User.objects.create_user("jacob")
    kept = f"django.contrib.sessions.backends.{engine}"
    with override_settings(SESSION_ENGINE=kept, SESSION_FILE_PATH=str(tmp_path)):
        page = replay("/whoami/", "jacob")
        assert str(tmp_path) == settings.SESSION_FILE_PATH
    user_logged_in.disconnect(dispatch_uid="test")
    user.refresh_from_db()
    assert page.body == b"jacob (once)"
    assert user.last_login is None
    assert not logins
    assert not Session.objects.exists()
    assert not list(tmp_path.iterdir())


def test_who_cannot_be_logged_in_is_told_so(monkeypatch):
    with pytest.raises(ReplayError, match="There is no user 'nobody'"):
        replay("/whoami/", "nobody")
    with monkeypatch.context() as within:
        within.setattr(connection, "schema_name", "public", raising=False)
        with pytest.raises(ReplayError, match=r"no user 'nobody' in the schema 'public', which is"):
            replay("/whoami/", "nobody")
    get_user_model().objects.create_user("gone", is_active=False)
    with pytest.raises(ReplayError, match="is not active"):
        replay("/whoami/", "gone")
    with override_settings(MIDDLEWARE=[]), pytest.raises(ReplayError, match="Leave out --user"):
        replay("/whoami/", "gone")


def test_without_a_login_the_page_says_where_it_leads():
    page = replay("/whoami/")
    assert (page.status, page.location) == (302, "/login/?next=/whoami/")


def test_what_belongs_to_one_answer_is_taken_out():
    one, other = replay("/token/"), replay("/token/")
    assert one.body == other.body
    assert one.body.count(b"(csrf)") == 2
    assert one.body.count(b"(now)") == 4
    assert one.body.endswith(b"<script nonce=(once)>")


def test_what_only_looks_like_it_stays():
    page = b"2001-02-03T04:05:06Z 1234567890 " + b"x" * 64
    assert normalised(page) == page


def test_streams_are_read_to_their_end():
    assert replay("/stream/").body == b"ab"
    page = replay("/astream/")
    assert page.body == b"abz"
    assert page.queries.total == 2
    assert Author.objects.count() == 2


def test_packed_bodies_are_unpacked():
    assert replay("/packed/").body == b"the page " * 50


def test_an_error_is_the_pages_own():
    page = replay("/boom/")
    assert (page.status, str(page.error)) == (500, "boom")
    assert Author.objects.count() == 2
    assert replay("/nowhere/").match is None


def test_what_developers_look_with_is_left_out(monkeypatch):
    """Visitors never have it, and it puts something else into the page at each look."""
    tool = ModuleType("debug_toolbar.middleware")

    def middleware(get_response: Any) -> Any:
        def shown(request: HttpRequest) -> Any:
            response = get_response(request)
            response["Server-Timing"] = "TimerPanel_total;dur=1"
            return HttpResponse(f"{response.content!r} {random.random()}")

        return shown

    tool.DebugToolbarMiddleware = middleware  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "debug_toolbar", ModuleType("debug_toolbar"))
    monkeypatch.setitem(sys.modules, tool.__name__, tool)
    known = ["debug_toolbar.middleware.DebugToolbarMiddleware", *settings.MIDDLEWARE]
    with override_settings(MIDDLEWARE=known):
        assert replay("/record/").body == b"http://testserver/record/"
        assert known == settings.MIDDLEWARE


def test_its_record_says_that_it_is_a_replay(store):
    assert replay("/record/").body == b"http://testserver/record/"
    assert happened[0].replaying
    assert happened[0].kind == "request"
    assert not Record("request", "", happened[0].store).replaying


def test_its_time_is_made_of_parts(store):
    page = replay("/stream/", count=False)
    assert sum(page.record.where.values()) == pytest.approx(page.seconds)
    assert page.record.queries == 1
    assert page.record.where["db"] > 0
    assert page.queries.total == 0


def test_what_is_timed_is_the_page_with_the_remedy():
    """Without counting, too: else the time after would be the time before."""
    for author in Author.objects.all():
        Book.objects.create(title="x", author=author)
    page = replay("/names/")
    [finding] = page.queries.findings
    assert finding.injection is not None
    assert page.queries.total == 3
    assert replay("/names/", count=False).record.queries == 3
    assert replay("/names/", None, (finding.injection,), count=False).record.queries == 1


def test_never_inside_a_request(store):
    with measured("a unit is fine"):
        replay("/stream/")
    token = measure.current.set(Record("request", "feed/", None))  # type: ignore[arg-type]
    try:
        with pytest.raises(InRequestError, match="never inside a request"):
            replay("/stream/")
    finally:
        measure.current.reset(token)


def test_the_first_difference_is_named():
    assert difference(b"a\nbc\nd", b"a\nbd\nd") == "line 2 reads 'bd' instead of 'bc'"
    assert difference(b"a", b"a\nb") == "it has 2 lines instead of 1"
