"""A page that takes long: made once, waited for by all, and shown to whom it is for."""

from __future__ import annotations

import asyncio
import datetime
import io
import re
import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import OperationalError, connection, transaction
from django.http import HttpResponse
from django.test import AsyncClient, Client
from django.utils import timezone, translation

from unhurried import testing
from unhurried.later import LaterError, _kick, _lanes, _testing, hang_on, progress
from unhurried.later._hang_on import _answers, _beat, _run, _visit, _works
from unhurried.later._hang_on._progress import Running, running
from unhurried.later._outbox import _sweep
from unhurried.later._outbox._clock import in_seconds
from unhurried.later._thread import close_all
from unhurried.later.models import Work
from unhurried.later.reading import drain_now, paused
from unhurried.measure import snapshot

from . import hung
from .conftest import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.urls("tests.later.hung"),
]
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
POLL = {"Accept": "application/json", "X-Unhurried-Poll": "1"}


@pytest.fixture(scope="session")
def template(django_db_setup: None, django_db_blocker: Any, tmp_path_factory: Any) -> Path:
    """The tables, in a file. In memory SQLite knows no waiting: who finds a lock fails at once."""
    found: Path = tmp_path_factory.mktemp("template") / "db.sqlite3"
    if connection.vendor == "sqlite":
        with django_db_blocker.unblock(), closing(sqlite3.connect(found)) as file:
            connection.ensure_connection()
            connection.connection.backup(file)
            file.execute("PRAGMA journal_mode = wal")
    return found


@pytest.fixture
def file(transactional_db: None, template: Path, tmp_path: Path) -> Iterator[None]:
    """This test's database, for all threads."""
    if connection.vendor != "sqlite":
        yield
        return
    given, name = connection.connection, connection.settings_dict["NAME"]
    connection.connection = None
    connection.settings_dict["NAME"] = shutil.copy(template, tmp_path / "db.sqlite3")
    yield
    connection.close()
    connection.settings_dict["NAME"], connection.connection = name, given


@pytest.fixture(autouse=True)
def site(file: None, kicks: _kick.Kicks, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with own_threads(kicks, monkeypatch):
        yield


@contextmanager
def own_threads(kicks: _kick.Kicks, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Threads of this test's own, which end with it."""
    pool = _run.Pool()
    monkeypatch.setattr(_run, "_pool", pool)
    _run._alone.clear()
    _run.install()
    hung.made.clear()
    hung.seen.clear()
    hung.may_end.clear()
    yield
    hung.may_end.set()
    wait_until(lambda: not pool.busy)
    for worker in (kicks.drainer, *kicks.owners.values(), *pool.workers):
        worker.stop()
    wait_until(lambda: not any(worker.alive for worker in pool.workers))


def get(path: str, client: Client | None = None, **headers: str) -> Any:
    return (client or Client()).get(path, headers={**PAGE, **headers})


def poll(path: str, client: Client | None = None) -> Any:
    return (client or Client()).get(path, headers=POLL)


def member(name: str) -> Client:
    client = Client()
    client.force_login(User.objects.get_or_create(username=name)[0])
    return client


def state() -> str:
    return Work.objects.get().state


def test_what_is_quick_simply_answers() -> None:
    answer = get("/quick/")
    assert (answer.status_code, answer.content, answer["X-Of"]) == (200, b"made 1", "the view")
    assert get("/quick/").content == b"made 1"
    assert state() == "done"


def test_what_takes_long_is_waited_for_at_the_same_url() -> None:
    answer = get("/slow/?a=1")
    text = answer.content.decode()
    assert answer.status_code == 202
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Robots-Tag"] == "noindex"
    assert answer["Retry-After"] == "1"
    assert {"Accept", "Cookie"} <= {each.strip() for each in answer["Vary"].split(",")}
    assert '<noscript><meta http-equiv="refresh" content="1; url=/slow/?a=1"></noscript>' in text
    assert '<meta name="robots" content="noindex">' in text
    assert "<progress " in text
    assert get("/slow/?a=1").status_code == 202
    assert poll("/slow/?a=1").status_code == 202
    hung.may_end.set()
    wait_until(lambda: state() == "done")
    ended = poll("/slow/?a=1")
    assert (ended.status_code, ended["Cache-Control"], ended.content) == (204, "no-store", b"")
    assert get("/slow/?a=1").content == b"made 1"
    assert hung.made["slow"] == 1


@pytest.mark.long
def test_two_hundred_wait_for_one() -> None:
    """Each with a connection of his own, as threads of a server have."""
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: in_thread(lambda: get("/slow/")), range(3)))
        codes = list(
            threads.map(lambda _: in_thread(lambda: get("/slow/").status_code), range(200))
        )
        hung.may_end.set()
        wait_until(lambda: state() == "done")
        texts = list(threads.map(lambda _: in_thread(lambda: get("/slow/").content), range(200)))
    assert set(codes) == {202}
    assert set(texts) == {b"made 1"}
    assert hung.made["slow"] == 1


def in_thread(function: Callable[[], Any]) -> Any:
    try:
        return function()
    finally:
        close_all()


def reloaded(*, threads: bool = True) -> Any:
    """What a browser without JavaScript gets that has the page that waits."""
    headers = {**PAGE, "Cache-Control": "max-age=0"}
    return Client().get("/slow/", headers=headers, **{"wsgi.multithread": threads})


def refresh(answer: Any) -> int:
    found = re.search(rb'<meta http-equiv="refresh" content="(\d+); url=/slow/">', answer.content)
    assert answer.status_code == 202
    assert found
    return int(found[1])


def test_a_page_that_loads_itself_anew_waits_where_the_end_is_seen(monkeypatch: Any) -> None:
    monkeypatch.setattr(_visit, "HOLD", 60.0)
    options: Any = {"headers": PAGE, "wsgi.multithread": True}
    with ThreadPoolExecutor(1) as threads:  # both: this one's language may be a test's
        first = threads.submit(in_thread, lambda: Client().get("/slow/", **options)).result()
        assert (refresh(first), first["Retry-After"]) == (0, "1")
        second = threads.submit(in_thread, reloaded)
        time.sleep(0.2)
        assert not second.done()
        hung.may_end.set()
        assert second.result().content == b"made 1"


def test_it_is_shown_how_far_it_is_now_and_then(monkeypatch: Any) -> None:
    monkeypatch.setattr(_visit, "HOLD", 0.1)
    get("/slow/")
    assert [refresh(reloaded()) for _ in range(6)] == [0] * 6  # none keeps its place for ever


def test_only_so_many_are_kept_waiting(monkeypatch: Any) -> None:
    """The others look again after a while, and so do all where one waits for the next."""
    monkeypatch.setattr(_visit, "HOLD", 60.0)
    monkeypatch.setattr(_visit, "_holds", threading.BoundedSemaphore(1))
    with ThreadPoolExecutor(2) as threads:
        threads.submit(in_thread, lambda: get("/slow/")).result()
        alone = threads.submit(in_thread, partial(reloaded, threads=False))
        assert refresh(alone.result()) == 1
        held = threads.submit(in_thread, reloaded)
        wait_until(lambda: not _visit._holds._value)
        assert refresh(threads.submit(in_thread, reloaded).result()) == 1
        hung.may_end.set()
        assert held.result().status_code == 200
    assert _visit._holds._value == 1


def test_clients_wait_for_the_end_and_join() -> None:
    with ThreadPoolExecutor(3) as threads:
        waiting = [
            threads.submit(in_thread, partial(Client().get, "/slow/", headers={"Accept": accept}))
            for accept in ("application/json", "*/*", "")
        ]
        wait_until(lambda: hung.made["slow"])
        hung.may_end.set()
        answers = [each.result() for each in waiting]
    assert [(each.status_code, each.content) for each in answers] == [(200, b"made 1")] * 3


def test_a_client_that_waits_too_long_is_told_to_come_back(monkeypatch: Any) -> None:
    patch_options(monkeypatch, hung.slow, wait=0.2)
    answer = Client().get("/slow/", headers={"Accept": "*/*"})
    assert (answer.status_code, answer["Cache-Control"]) == (503, "no-store")
    assert answer["Retry-After"] == "1"


def patch_options(monkeypatch: Any, view: Any, **changed: Any) -> None:
    monkeypatch.setattr(view, "options", replace(view.options, **changed))


def test_prefer_respond_async() -> None:
    begun = time.monotonic()
    for prefer in ("respond-async", "respond-async, wait=0", "foo; bar, Respond-Async;wait=0"):
        headers = {"Accept": "application/json", "Prefer": prefer}
        answer = Client().get("/slow/", headers=headers)
        assert answer.status_code == 202
        assert answer["Preference-Applied"] == "respond-async"
        assert answer["Retry-After"] == "1"
        assert answer["Cache-Control"] == "no-store"
        assert answer.json()["state"] in ("waiting", "running")
    assert time.monotonic() - begun < 20
    hung.may_end.set()
    answer = Client().get(
        "/slow/", headers={"Accept": "application/json", "Prefer": "respond-async, wait=10"}
    )
    assert (answer.status_code, answer.content) == (200, b"made 1")
    assert "Preference-Applied" not in answer


def test_head_and_prefetch_begin_nothing_and_see_what_is_there() -> None:
    prefetch = {**PAGE, "Sec-Purpose": "prefetch;prerender"}
    head = Client().head("/quick/", headers=PAGE)
    assert (head.status_code, head.content, head["Cache-Control"]) == (202, b"", "no-store")
    for name in ("Sec-Purpose", "Purpose", "X-Moz"):
        ahead = Client().get("/quick/", headers={**PAGE, name: "prefetch"})
        assert (ahead.status_code, ahead["Cache-Control"]) == (503, "no-store")
        assert int(ahead["Retry-After"]) >= 1
    assert poll("/quick/").status_code == 204
    assert not Work.objects.exists()
    get("/quick/")
    assert Client().head("/quick/", headers=PAGE)["X-Of"] == "the view"
    assert Client().get("/quick/", headers=prefetch).content == b"made 1"
    get("/slow/")
    assert Client().head("/slow/").status_code == 202
    assert Client().get("/slow/", headers=prefetch).status_code == 503
    assert Client().get("/slow/", headers={**prefetch, **POLL}).status_code == 202


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Yahoo! Slurp)",
        "Baiduspider+(+http://www.baidu.com/search/spider.htm)",
        "SomeCrawler/1.0",
    ],
)
def test_crawlers_never_see_the_page_that_waits(agent: str) -> None:
    assert get("/quick/", **{"User-Agent": agent}).content == b"made 1"
    with testing.override(WAIT=0.1):
        answer = get("/slow/", **{"User-Agent": agent})
    assert (answer.status_code, answer["Cache-Control"]) == (503, "no-store")
    assert int(answer["Retry-After"]) >= 1
    assert b"<progress" not in answer.content
    hung.may_end.set()
    assert get("/slow/", **{"User-Agent": agent}).content == b"made 1"


def test_a_browser_is_no_crawler() -> None:
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    assert get("/slow/", **{"User-Agent": firefox}).status_code == 202


def test_unsafe_methods_are_not_touched() -> None:
    assert Client().post("/quick/").content == b"made 1"
    assert member("ann").post("/classy/3/").content == b"posted"
    assert not Work.objects.exists()


# Whose it is.


def test_two_users_never_see_each_others() -> None:
    ann, bob = member("ann"), member("bob")
    assert get("/mine/", ann).content == b"ann 1"
    assert get("/mine/", bob).content == b"bob 2"
    assert get("/mine/", ann).content == b"ann 1"
    assert get("/mine/").status_code == 302
    assert poll("/mine/").status_code == 302


def test_who_has_logged_out_does_not_get_what_he_asked_for() -> None:
    ann = member("ann")
    assert get("/mine/", ann).status_code == 200
    ann.logout()
    assert get("/mine/", ann).status_code == 302


def test_one_for_all_is_made_for_nobody() -> None:
    assert get("/everybodys/", member("ann")).content == b"AnonymousUser 1"
    assert get("/everybodys/", member("bob")).content == b"AnonymousUser 1"
    assert get("/everybodys/").content == b"AnonymousUser 1"


def test_who_is_gone_or_inactive_gets_nothing(caplog: Any) -> None:
    for spoil in (
        lambda: User.objects.filter(username="ann").update(is_active=False),
        lambda: User.objects.filter(username="bob").delete(),
    ):
        name = "ann" if not Work.objects.exists() else "bob"
        client = member(name)
        with paused(), ThreadPoolExecutor(1) as threads:
            waiting = threads.submit(in_thread, partial(get, "/mine/", client))
            wait_until(lambda: Work.objects.filter(state="waiting").exists())
            spoil()
            wait_until(drain_now)
            assert waiting.result().status_code == 500
    assert hung.made["mine"] == 0
    assert [str(each.exc_info[1]) for each in caplog.records if each.exc_info] == [
        "the user is not active any more",
        "the user is gone",
    ]


def test_the_work_knows_path_query_host_user_and_language_and_no_cookies() -> None:
    ann = member("ann")
    ann.cookies["a"] = "b"
    with translation.override("de"):
        answer = ann.get(
            "/told/?q=%C3%A9&b=2",
            headers={**PAGE, "X-Plan": "gold", "Host": "shop.example:81"},
            secure=True,
        )
    assert eval(answer.content) == [
        *("GET", "/told/?q=%C3%A9&b=2", "https://shop.example:81/"),
        *("ann", "America/Chicago", "de", [], "gold", "/told/"),
    ]
    (request,) = hung.seen
    assert request.COOKIES == {}
    assert not hasattr(request, "session")
    assert "HTTP_COOKIE" not in request.META
    assert request.resolver_match.url_name == "told"


@pytest.mark.parametrize("name", ["Europe/Berlin", "+0130"])
def test_the_time_zone_is_that_of_who_asked(name: str) -> None:
    zone = name if "/" in name else timezone.get_fixed_timezone(90)
    with timezone.override(zone):
        assert name in eval(get("/told/").content)


def test_what_differs_is_made_apart() -> None:
    ann = member("ann")
    ann.get("/told/", headers=PAGE)
    ann.get("/told/?a=1", headers=PAGE)
    ann.get("/told/", headers={**PAGE, "X-Plan": "gold"})
    ann.cookies["theme"] = "dark"
    ann.get("/told/", headers=PAGE)
    with translation.override("de"):
        ann.get("/told/", headers=PAGE)
    ann.get("/told/", headers={**PAGE, "Host": "other.example"})
    with timezone.override("Europe/Berlin"):
        ann.get("/told/", headers=PAGE)
    get("/told/")
    assert hung.made["told"] == 8
    ann.get("/told/", headers={**PAGE, "Accept-Language": "fr", "X-Else": "1"})
    assert hung.made["told"] == 8 + 0


def test_a_view_that_negotiates_has_a_result_for_each_kind_and_the_script_asks_for_the_pages() -> (
    None
):
    assert get("/negotiating/").status_code == 202
    assert poll("/negotiating/").status_code == 202
    hung.may_end.set()
    wait_until(lambda: state() == "done")
    assert poll("/negotiating/").status_code == 204
    assert get("/negotiating/", Accept="text/html;q=0.9").content == b"html"
    found = Client().get("/negotiating/", headers={"Accept": "application/json"})
    assert found.content == b"application/json"
    assert hung.made["negotiating"] == 2


def test_a_page_that_waits_is_not_kept_by_what_keeps_pages() -> None:
    with testing.override(STRICT=False):
        assert get("/kept/").status_code == 202
        assert poll("/kept/").status_code == 202
        hung.may_end.set()
        wait_until(lambda: state() == "done")
        assert get("/kept/").content == b"made 1"


def test_what_keeps_pages_may_stand_below() -> None:
    assert get("/keeps/").content == b"made 1"
    Work.objects.all().delete()
    assert get("/keeps/").content == b"made 1"


def test_a_key_of_ones_own_stands_for_path_and_query() -> None:
    assert get("/keyed/1/").content == b"made 1"
    assert get("/keyed/3/?utm=x").content == b"made 1"
    assert get("/keyed/2/").content == b"made 2"
    assert get("/keyed/1/", member("ann")).content == b"made 3"
    assert get("/another/1/").content == b"another view's"


# How it ends.


def test_a_failure_is_told_by_its_number_and_nothing_else(caplog: Any) -> None:
    answer = get("/fails/")
    work = Work.objects.get()
    assert answer.status_code == 500
    assert len(work.incident) == 8
    assert work.incident in answer.content.decode()
    assert b"a secret" not in answer.content
    assert answer["Cache-Control"] == "no-store"
    assert 1 <= int(answer["Retry-After"]) <= 10
    record = next(each for each in caplog.records if each.name == "unhurried")
    assert work.incident in record.getMessage()
    assert "a secret" in caplog.text
    assert poll("/fails/").status_code == 204
    found = Client().get("/fails/", headers={"Accept": "application/json"})
    assert (found.status_code, found.json()["incident"]) == (500, work.incident)
    assert hung.made["fails"] == 1, "for a while nobody tries again"


def test_a_failure_is_tried_again_later_each_time() -> None:
    seconds = []
    for _ in range(3):
        assert get("/fails/").status_code == 500
        seconds.append(_works.look(Work.objects.get().key).expires_in)  # type: ignore[union-attr]
        Work.objects.update(expires=in_seconds(-0.01))
    assert hung.made["fails"] == 3
    assert [round(each, -1) for each in seconds] == [10, 20, 40]


def test_exceptions_that_are_answers_are_the_sites_own() -> None:
    answer = get("/answers/missing/")
    assert answer.status_code == 404
    assert b"Not Found" in answer.content
    get("/answers/missing/")
    assert hung.made["missing"] == 1
    assert _works.look(Work.objects.get().key).expires_in <= 10  # type: ignore[union-attr]


def test_redirects_and_templates_are_kept() -> None:
    answer = get("/answers/redirect/")
    assert (answer.status_code, answer["Location"]) == (302, "/quick/")
    assert b"77" in get("/answers/template/").content
    get("/answers/redirect/")
    assert hung.made["redirect"] == 1


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("stream", "StreamingHttpResponse, which hang_on can't keep"),
        ("cookie", "sets a cookie \\(who\\)"),
        ("header", "sets a cookie \\(by its header\\)"),
        ("large", "10485761 bytes; hang_on keeps at most 10485760"),
        ("token", "CSRF token, which would be nobody's"),
        ("broken", "answered 502"),
    ],
)
def test_what_can_not_be_kept_is_a_failure_that_says_why(kind: str, says: str, caplog: Any) -> None:
    assert get(f"/answers/{kind}/").status_code == 500
    assert re.search(says, caplog.text)


@pytest.mark.parametrize("kind", ["cookie", "header"])
def test_in_production_a_cookie_is_left_out(kind: str, caplog: Any) -> None:
    with testing.override(STRICT=False):
        answer = get(f"/answers/{kind}/")
    assert answer.content == b"with a cookie"
    assert "who" not in answer.cookies
    assert not answer.has_header("Set-Cookie")
    assert "sets a cookie" in caplog.text


def test_a_result_is_kept_for_a_while_and_then_forgotten() -> None:
    get("/quick/")
    key = Work.objects.get().key
    assert 8 < _works.look(key).expires_in <= 10  # type: ignore[union-attr]
    Work.objects.update(expires=in_seconds(-0.01))
    assert get("/quick/").content == b"made 2"
    Work.objects.update(expires=in_seconds(-_works.OLD + 5))
    _works.sweep()
    assert Work.objects.exists()
    Work.objects.update(expires=in_seconds(-_works.OLD - 1))
    _works.sweep()
    assert not Work.objects.exists()


# Who makes it.


def test_nobody_has_more_under_way_than_his_share(monkeypatch: Any) -> None:
    patch_options(monkeypatch, hung.slow, limit=2)
    ann, bob = member("ann"), member("bob")
    codes = [get(f"/slow/?n={n}", ann).status_code for n in range(3)]
    assert codes == [202, 202, 429]
    many = get("/slow/?n=2", ann)
    assert b"One thing after another" in many.content
    assert (many["Cache-Control"], many["Retry-After"]) == ("no-store", "5")
    assert ann.get("/slow/?n=2", headers={"Accept": "*/*"}).json()["state"] == "many"
    assert get("/slow/?n=0", ann).status_code == 202, "what is under way may be joined"
    assert get("/slow/?n=0", bob).status_code == 202
    assert [get(f"/slow/?n={n}").status_code for n in range(3)] == [202, 202, 429]
    elsewhere = Client(REMOTE_ADDR="10.0.0.9")
    assert get("/slow/?n=9", elsewhere).status_code == 202
    assert not [each for each in Work.objects.values_list("owner", flat=True) if "127." in each]


def test_four_at_once_and_the_rest_after_them() -> None:
    clients = [Client(REMOTE_ADDR=f"10.0.0.{n}") for n in range(6)]
    for n, client in enumerate(clients):
        assert get(f"/slow/?n={n}", client).status_code == 202
    wait_until(lambda: hung.made["slow"] == _run.POOL)
    assert Work.objects.filter(state="running").count() == _run.POOL
    hung.may_end.set()
    wait_until(lambda: Work.objects.filter(state="done").count() == 6)
    assert hung.made["slow"] == 6


def test_a_kick_that_is_lost_is_asked_for_again_by_who_waits(kicks: _kick.Kicks) -> None:
    with paused():
        assert get("/slow/").status_code == 202
        kicks.pending.pop()
    assert hung.made["slow"] == 0
    assert poll("/slow/").status_code == 202
    wait_until(lambda: hung.made["slow"] == 1)


def test_the_sweep_finds_what_nobody_works_on() -> None:
    with paused():
        get("/slow/")
        drop_kicks()
        _sweep.look()
        assert _kick._kicks.pending.lanes() == ["hang_on"]
        drop_kicks()
        Work.objects.update(state="running", until=in_seconds(60))
        _sweep.look()
        assert _kick._kicks.pending.lanes() == []


def drop_kicks() -> None:
    while _kick._kicks.pending.pop():
        pass


def test_who_dies_over_it_is_followed_by_another_and_not_for_ever(caplog: Any) -> None:
    hung.may_end.set()
    with paused():
        get("/slow/")
        for attempt in range(1, _works.ATTEMPTS + 1):
            row = _works.claim()
            assert row.attempts == attempt, "counted before it runs"
            assert _works.claim() is None, "as long as he lives"
            Work.objects.update(until=in_seconds(-0.01))
        drain_now()
        assert get("/slow/").status_code == 500
    assert hung.made["slow"] == 0
    assert "died, 3 times" in caplog.text


def test_who_was_taken_over_changes_nothing() -> None:
    with paused():
        get("/slow/")
        first = _works.claim()
        Work.objects.update(until=in_seconds(-0.01))
        second = _works.claim()
        result = _works.Result(200, [], b"late")
        assert not _works.keep_alive(first.pk, first.holder, {})
        assert not _works.finish(first.pk, first.holder, result, 1, 60)
        assert not _works.fail(first.pk, first.holder, "x", 0)
        assert _works.finish(second.pk, second.holder, result, 1, 60)


def test_who_comes_a_moment_too_late_does_not_have_it_made_again() -> None:
    """He has looked before it ended, or before somebody else began: that is a race."""
    get("/quick/")
    work = Work.objects.get()
    _works.begin(work.key, "other/", {}, "abc", 4)
    assert state() == "done"
    Work.objects.update(state="waiting", expires=None)
    _works.begin(work.key, "other/", {}, "abc", 4)
    assert Work.objects.get().owner == work.owner


def test_the_lease_is_renewed_while_it_runs(monkeypatch: Any) -> None:
    monkeypatch.setattr(_beat, "BEAT", 0.05)
    monkeypatch.setattr(_beat, "EVERY", 0.05)
    get("/slow/")
    wait_until(lambda: hung.made["slow"])
    until = Work.objects.get().until
    wait_until(lambda: Work.objects.get().until > until)


def test_a_worker_does_it_itself_to_its_end() -> None:
    hung.may_end.set()
    with paused():
        get("/slow/")
        drop_kicks()
    _lanes.run("hang_on", worker=True)
    assert state() == "done"
    assert not any(worker.alive for worker in _run._pool.workers)


def test_the_command_does_it_too() -> None:
    hung.may_end.set()
    with paused():
        get("/slow/")
        said = io.StringIO()
        call_command("unhurried", "drain", "--once", stdout=said)
        drop_kicks()
    assert "1 pages made" in said.getvalue()
    assert state() == "done"


def test_the_work_is_a_unit_of_its_own(store: Any) -> None:
    get("/quick/")
    assert snapshot()["routes"]["hang_on:quick/"]["requests"] == 1


def test_in_a_transaction_the_view_is_simply_called() -> None:
    """Nobody else would see what is written down: so in a TestCase, too."""
    hung.may_end.set()
    with transaction.atomic():
        assert get("/slow/").content == b"made 1"
        assert not Work.objects.exists()


def test_in_a_test_that_nobody_works_in_the_view_is_simply_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under Django's runner no thread begins: who waits would wait in vain."""
    hung.may_end.set()
    monkeypatch.setattr(_testing, "PLUGIN", "no such module")
    assert get("/slow/").content == b"made 1"
    assert not Work.objects.exists()


def test_under_atomic_requests_the_view_has_its_transaction_and_who_waits_has_none(
    monkeypatch: Any,
) -> None:
    monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
    seen: list[bool] = []

    def view(request: Any) -> HttpResponse:
        seen.append(connection.in_atomic_block)
        return HttpResponse("made")

    monkeypatch.setattr(hung.quick, "view", view)
    monkeypatch.setattr(_run, "_alone", threading.Event())
    with paused(), ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(in_thread, lambda: get("/quick/").content)
        wait_until(drain_now)
        assert waiting.result() == b"made"
    Client().post("/quick/")
    assert seen == [True, True]


# Other kinds of views.


def test_coroutines() -> None:
    assert get("/coroutine/", member("ann")).content == b"ann 1"
    assert get("/slow-coroutine/").status_code == 202
    hung.may_end.set()
    wait_until(lambda: not Work.objects.exclude(state="done").exists())
    assert get("/slow-coroutine/").content == b"at last"


def test_waiting_leaves_the_event_loop_alone() -> None:
    """A coroutine that waits, and another that goes on meanwhile."""

    async def both() -> tuple[int, int]:
        waits = asyncio.ensure_future(AsyncClient().get("/slow-coroutine/", headers=PAGE))
        turns = 0
        while not waits.done():
            await asyncio.sleep(0.005)
            turns += 1
        return waits.result().status_code, turns

    code, turns = async_to_sync(both)()
    assert code == 202
    assert turns >= 3


def test_classes() -> None:
    ann = member("ann")
    assert get("/classy/7/", ann).content == b"7 ann 1"
    assert get("/classy/7/", ann).content == b"7 ann 1"
    assert get("/classy/7/").status_code == 302
    assert get("/plain/").content == b"made 1"
    assert get("/around/").content == b"made 1"


def test_asynchronous_classes() -> None:
    async_get = async_to_sync(AsyncClient().get)
    assert async_get("/asynchronous/", headers=PAGE).content == b"made 1"
    with pytest.raises(LaterError, match="Decorate the view of the class"):
        async_get("/unseen/", headers=PAGE)


def test_a_view_whose_path_does_not_lead_back_is_named() -> None:
    with pytest.raises(
        LaterError, match=r"/bare/ leads to no view under hang_on.*functools\.wraps"
    ):
        get("/bare/")


def test_without_the_app_the_line_is_named(settings: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("unhurried.later._outbox._tables.installed", lambda: False)
    with pytest.raises(LaterError, match="INSTALLED_APPS"):
        get("/quick/")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"after": each} for each in (-1, 11, "1", True, float("nan"))),
        *({"keep": each} for each in (0, 9, None, float("inf"))),
        *({"wait": each} for each in (-1, "x")),
        *({"limit": each} for each in (0, 1.5, True)),
        *({"key": "a"}, {"template": ""}, {"audience": "me"}, {"vary": "header:X"}, {"vary": 1}),
        *({"vary": [each]} for each in ("cookie:a", "header:Cookie", "header:", 1)),
    ],
)
def test_wrong_arguments_are_named_where_they_stand(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(LaterError, match=rf"hang_on\({name}="):
        hang_on(**wrong)


def test_other_mistakes() -> None:
    with pytest.raises(LaterError, match="parentheses"):
        hang_on(lambda request: None)  # type: ignore[arg-type]
    with pytest.raises(LaterError, match="is no view"):
        hang_on()(3)  # type: ignore[arg-type]

    class Wrong:
        @hang_on()
        def get(self, request: Any) -> None: ...

    with pytest.raises(TypeError, match="method_decorator"):
        _ = Wrong().get


# How far it is.


def test_progress_is_shown_to_who_waits() -> None:
    get("/slow/")
    wait_until(lambda: poll("/slow/").json()["percent"] == 25)
    found = poll("/slow/").json()
    assert (found["done"], found["total"], found["message"]) == (1, 4, "Reading")
    assert found["estimate"] is False
    text = get("/slow/").content.decode()
    assert 'value="25"' in text
    assert "Reading" in text


def test_how_long_it_took_last_time_is_an_estimate_and_said_to_be_one() -> None:
    assert _answers.shown(seen(age=5), 10)["percent"] == 50
    assert _answers.shown(seen(age=50), 10) == {
        "done": None,
        "total": None,
        "message": "",
        "percent": 95,
        "estimate": True,
    }
    with paused():
        get("/slow/")
        Work.objects.filter(route="slow/").update(took=10)
        assert poll("/slow/").json()["percent"] is None, "it has not begun"
        drop_kicks()
    assert _answers.shown(seen(age=5), None)["percent"] is None
    assert _answers.shown(seen(age=5, done=3.0, total=2.0), 10)["percent"] == 100
    get("/quick/")
    assert 0 < (_works.expected("quick/") or 0) < 10


def seen(age: float, **changed: Any) -> Any:
    now = datetime.datetime.now(datetime.UTC)
    values: dict[str, Any] = dict.fromkeys(field.name for field in fields(_works.Seen))
    created = now - datetime.timedelta(seconds=age)
    return _works.Seen(**{**values, "message": "", "now": now, "created": created, **changed})


def test_no_js_looks_again_less_often_the_longer_it_takes() -> None:
    assert [_answers.pause(seen(age)) for age in (0, 19, 45, 500)] == [1, 1, 4, 10]


def test_progress_never_goes_back() -> None:
    now = Running("key", "holder")
    now.note(3, 4, "three")
    now.note(1, 4, "one")
    assert now.news() == {"done": 3, "total": 4, "message": "one"}
    assert now.news() == {}
    now.again({"message": "old", "done": 3})
    now.note(4, 4, "new" * 100)
    assert now.news() == {"done": 4, "total": 4, "message": ("new" * 100)[:200]}


def test_progress_is_told_four_times_a_second_at_most_and_outside_of_the_works_transaction() -> (
    None
):
    told: list[Any] = []
    now = Running("key", "holder")
    token = running.set(now)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_works, "keep_alive", lambda *values: told.append(threading.get_ident()) or 1)
        begun = time.monotonic()
        with _beat.alive(now):
            while time.monotonic() - begun < 1:
                progress(time.monotonic() - begun, 1)
    running.reset(token)
    assert 1 <= len(told) <= (time.monotonic() - begun) / _beat.EVERY
    assert threading.get_ident() not in told


def test_progress_elsewhere_does_nothing_and_mistakes_are_told() -> None:
    progress(1, 2, "x")
    for wrong in ({"done": "1"}, {"done": True}, {"done": 1, "total": "x"}):
        with pytest.raises(TypeError, match="is a number"):
            progress(**wrong)  # type: ignore[arg-type]
    for wrong in ({"done": -1}, {"done": float("nan")}, {"done": 1, "total": -1}):
        with pytest.raises(ValueError, match="from 0 on"):
            progress(**wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="is a str"):
        progress(1, 2, 3)  # type: ignore[arg-type]


def test_a_database_that_is_locked_does_not_break_the_work(monkeypatch: Any) -> None:
    def locked(*values: Any) -> bool:
        raise OperationalError("database is locked")

    now = Running("key", "holder")
    now.note(1, 2, "x")
    monkeypatch.setattr(_works, "keep_alive", locked)
    _beat._tell(now, now.news())
    assert now.news() == {"done": 1, "total": 2, "message": "x"}
    assert not now.lost.is_set()


def test_the_script_is_small_and_served() -> None:
    script = _answers._FOLDER / "hang_on.js"
    assert script.stat().st_size <= 1536
    address = re.search(r'<script src="([^"]+)"', get("/slow/").content.decode())
    assert address is not None
    assert b"".join(Client().get(address[1])) == script.read_bytes()


def test_where_the_packages_pages_are_not_the_script_is_one_of_the_static_files(
    settings: Any,
) -> None:
    settings.ROOT_URLCONF = tuple(hung.app)
    assert _answers._asset("hang_on.js") == "/static/unhurried/hang_on.js"
