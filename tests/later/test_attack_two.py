"""Promises of the room, attacked once more: each test says what was not so, and is."""

# ruff: noqa: DJ008

from __future__ import annotations

import asyncio
import os
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import OperationalError, models, transaction
from django.db.models import F, Value
from django.http import HttpResponse
from django.test import AsyncClient, Client

from unhurried import testing
from unhurried.later import Tally, _drain, _kick, _report, later, progress, task
from unhurried.later._hang_on import _beat, _run, _visit, _works
from unhurried.later._outbox import _lease, _sweep, _tables
from unhurried.later._outbox._clock import in_seconds
from unhurried.later._tally import _ledgers
from unhurried.later._thread import close_all
from unhurried.later._writing import _recent
from unhurried.later.models import Waiting, Work
from unhurried.later.reading import drain_now, paused

from . import hung
from .conftest import wait_until
from .inbox.models import Message, Parent
from .outbox import drained, drained_once, due_now, messages, reasons, statements
from .test_hang_on import PAGE, file, get, in_thread, own_threads, poll, template  # noqa: F401 - fixtures

# Models


class Left(models.Model):
    left = models.AutoField(primary_key=True)
    name = models.CharField(max_length=20)

    class Meta:
        app_label = "inbox"


class Right(models.Model):
    right = models.AutoField(primary_key=True)
    title = models.CharField(max_length=20)

    class Meta:
        app_label = "inbox"


class Both(Left, Right):
    """Of two parents, whose rows have other keys."""

    class Meta:
        app_label = "inbox"


class Counting(Parent):
    """A child with a number of its own."""

    number = models.IntegerField(default=0)

    class Meta:
        app_label = "inbox"


class Slug(models.Model):
    slug = models.CharField(max_length=20, primary_key=True)
    number = models.IntegerField(default=0)

    class Meta:
        app_label = "inbox"


class Token(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.IntegerField(default=0)

    class Meta:
        app_label = "inbox"


class Shown(models.Model):
    parent = models.OneToOneField(Parent, models.CASCADE, primary_key=True)
    number = models.IntegerField(default=0)

    class Meta:
        app_label = "inbox"


class Node(models.Model):
    up = models.ForeignKey("self", models.CASCADE, null=True)

    class Meta:
        app_label = "inbox"


class Numbered(models.Model):
    """Whose key the database gives."""

    id = models.BigIntegerField(primary_key=True, db_default=Value(7))
    name = models.CharField(max_length=20)

    class Meta:
        app_label = "inbox"


def last_place() -> int:
    return Place.objects.count()


class Place(models.Model):
    """With a default that asks the database, as sites have it."""

    at = models.IntegerField(default=last_place)
    seen = models.DateField(null=True)

    class Meta:
        app_label = "inbox"


@pytest.fixture
def ledgers(monkeypatch: pytest.MonkeyPatch) -> Any:
    fresh = _ledgers.Ledgers()
    monkeypatch.setattr(_ledgers, "_ledgers", fresh)
    return fresh


# Tally


@pytest.mark.django_db
def test_a_key_that_was_assigned_as_text_stops_no_tally(ledgers: Any) -> None:
    """howto/tally.md: an instance or its primary key; nothing is lost."""
    made = Token.objects.create(id=str(uuid.uuid4()))  # its key stays a str
    other = Token.objects.create()
    hits = Tally(Token, "number")
    hits.add(made)
    hits.add(other)
    hits.flush()
    assert list(Token.objects.values_list("number", flat=True)) == [1, 1]


@pytest.mark.django_db
def test_a_key_that_was_assigned_as_text_is_the_same_row(ledgers: Any) -> None:
    """howto/tally.md: value is what is stored, and what waits in this process."""
    made = Token.objects.create(id=str(uuid.uuid4()))
    hits = Tally(Token, "number")
    hits.add(made)
    assert hits.value(Token.objects.get()) == 1


@pytest.mark.django_db
def test_the_key_of_another_row_that_was_assigned_as_text_stops_no_tally(ledgers: Any) -> None:
    """The counters of a table of their own, made as Django's own forms and views make them."""
    first, second = Parent.objects.create(name="a"), Parent.objects.create(name="b")
    made = Shown.objects.create(parent_id=str(first.pk))
    Shown.objects.create(parent=second)
    hits = Tally(Shown, "number")
    hits.add(made)
    hits.add(second.pk)
    hits.flush()
    assert list(Shown.objects.values_list("number", flat=True)) == [1, 1]


@pytest.mark.django_db
def test_a_key_that_the_driver_refuses_keeps_no_other(ledgers: Any) -> None:
    """howto/tally.md: a row that refuses alone is laid aside, the others of its flush are applied.

    Such a text comes from JSON: json.loads('"\\ud800"').
    """
    Slug.objects.create(slug="home")
    hits = Tally(Slug, "number")
    hits.add("home")
    hits.add("\ud800")
    hits.flush()
    assert Slug.objects.get().number == 1


@pytest.mark.django_db
def test_grade_commit_of_a_child_keeps_the_order(ledgers: Any) -> None:
    """rules/later.md: what was deferred to a row is applied in its order."""
    messages(1)
    Parent.objects.create(name="older")
    child = Counting.objects.create(name="x")
    later(Parent.objects.filter(name="older")).update(name="newer")  # the lane's turn is first
    Tally(Counting, "number", grade="commit").add(child)
    later(Counting.objects.all()).update(number=0)
    for _ in range(3):
        drained_once()
    assert Counting.objects.get().number == 0


@pytest.mark.django_db
def test_grade_commit_of_a_decimal_adds_up_what_others_have_deferred() -> None:
    (row,) = messages(1)
    price = Tally(Message, "price", grade="commit")
    price.add(row, 2)
    from decimal import Decimal

    later(Message.objects.all()).update(price=F("price") + Decimal("0.5"))
    assert price.value(row) == Decimal("2.5")


# Deferred writes


@pytest.mark.django_db
def test_many_rows_of_two_parents_get_each_its_own() -> None:
    """later(…).update is applied: to those rows, with those values."""
    for n in range(7):
        Right.objects.create(title=f"other {n}")
    rows = [Both.objects.create(name=f"n{n}", title=f"t{n}") for n in range(5)]
    for n, row in enumerate(rows):
        later(Both.objects.filter(pk=row.pk)).update(title=f"new {n}")
    drained()
    assert reasons() == []
    found = list(Both.objects.order_by("pk").values_list("title", flat=True))
    assert found == [f"new {n}" for n in range(5)]
    assert not Right.objects.filter(title__startswith="new", both=None).exists()


@pytest.mark.django_db
def test_rows_of_the_second_parent_are_written_in_order() -> None:
    """rules/later.md: a lane is one per model, with its parents."""
    Left.objects.create(name="older")
    Both.objects.create(name="n", title="before")
    later(Left.objects.filter(name="older")).update(name="newer")
    later(Right.objects.all()).update(title="first")
    later(Both.objects.all()).update(title="second")
    for _ in range(3):
        drained_once()
    assert Both.objects.get().title == "second"


@pytest.mark.django_db
def test_what_waits_for_the_second_parent_is_known() -> None:
    """rules/later.md: while anything waits in its lane all rows are written down."""
    Both.objects.create(name="n", title="before")
    later(Right.objects.all()).update(title="first")
    later(Both.objects.all()).update(title="before")
    drained()
    assert Both.objects.get().title == "before"


@pytest.mark.django_db
def test_a_sum_that_was_rolled_back_is_not_taken_for_what_stands_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    messages(1)
    loaded = Message.objects.all()
    list(loaded)
    with transaction.atomic():
        later(loaded).update(views=F("views") + 1)
        transaction.set_rollback(True)
    monkeypatch.setattr(_recent, "_last", {})  # ten seconds later
    later(loaded).update(views=1)
    drained()
    assert Message.objects.get().views == 1


@pytest.mark.django_db
def test_of_an_evaluated_queryset_nothing_is_asked_whatever_a_default_does() -> None:
    """howto/later.md: of an evaluated queryset it asks nothing."""
    import datetime

    Place.objects.create()
    loaded = Place.objects.all()
    list(loaded)
    asked = statements(lambda: later(loaded).update(seen=datetime.date(2026, 1, 1)))
    assert [each for each in asked if not each.startswith("INSERT")] == []


@pytest.mark.django_db
def test_a_row_whose_key_the_database_gives_can_be_created() -> None:
    later(Numbered).create(name="a")
    drained()
    assert reasons() == []
    assert Numbered.objects.get().pk == 7


@pytest.mark.django_db
def test_what_is_deferred_to_a_row_does_not_overtake_the_deletion_that_takes_it_along() -> None:
    """rules/later.md: none overtakes an older one."""
    top = Node.objects.create()
    low = Node.objects.create(up=top)
    later(Node.objects.filter(pk=top.pk)).delete()  # and with it what is below
    later(Node.objects.filter(pk=low.pk)).update(up=None)
    drained()
    assert not Node.objects.exists()


# Tasks


@task(atomic=True)
def read_and_write_late(pk: int) -> None:
    message = Message.objects.get(pk=pk)
    time.sleep(0.5)  # the lease is renewed meanwhile: somebody else has written
    message.views += 1
    message.save()


def test_an_atomic_task_that_writes_long_after_it_has_read_is_done(
    file: None,  # noqa: F811
    kicks: _kick.Kicks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """rules/later.md: a committed call is run. SQLite refused it each time, until it was dead."""
    monkeypatch.setattr(_lease, "BEAT", 0.05)
    _drain.install()
    (row,) = messages(1)
    with paused():
        read_and_write_late.delay(row.pk)
        drained()
        due_now()
        drained()
    assert Message.objects.get().views == 1
    assert reasons() == []


# Figures


@pytest.mark.django_db
def test_who_drains_one_lane_of_writes_tells_the_ratio_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """rules/later.md: whoever applies writes sets them once a minute."""
    told: list[int] = []
    monkeypatch.setattr(_report, "_next", 0.0)
    monkeypatch.setattr(_report, "report", lambda: told.append(1))
    messages(1)
    later(Message.objects.all()).update(views=1)
    call_command("unhurried", "drain", "--once", "--lane", "inbox.Message")
    assert Message.objects.get().views == 1
    assert told


# hang_on


@pytest.fixture
def site(
    transactional_db: None,
    file: None,  # noqa: F811
    kicks: _kick.Kicks,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[None]:
    """For those alone that ask for it: as in test_hang_on."""
    monkeypatch.setattr(_visit, "_holds", threading.BoundedSemaphore(4))
    with own_threads(kicks, monkeypatch):
        yield


hangs = pytest.mark.urls("tests.later.hung")
RELOAD = {**PAGE, "Cache-Control": "max-age=0"}


@hangs
def test_who_reloads_what_has_expired_sees_the_page_that_waits_after_after(site: None) -> None:
    """howto/hang-on.md: up to `after` seconds the view simply answers, then the page that waits.

    F5, the address bar and "no-cache" of the developer's tools: none has the page that waits yet.
    """
    begun = time.monotonic()
    answer = Client().get("/slow/", headers=RELOAD, **{"wsgi.multithread": True})
    took = time.monotonic() - begun
    assert answer.status_code == 202
    assert took < 1.5, f"after=0.05, and the page that waits came after {took:.1f} s"


@hangs
def test_who_says_not_that_he_reloads_does_not_ask_without_end(
    site: None, monkeypatch: Any
) -> None:
    """howto/hang-on.md: it is kept open, or loads itself anew after a second, and less often.

    A browser, or a proxy, that leaves Cache-Control out when a page refreshes itself: it is told 0
    seconds each time, and never kept.
    """
    from dataclasses import replace

    monkeypatch.setattr(hung.slow, "options", replace(hung.slow.options, after=0))
    threads: Any = {"wsgi.multithread": True}
    begun = time.monotonic()
    for _ in range(10):
        answer = Client().get("/slow/", headers=PAGE, **threads)
        assert answer.status_code == 202
        if b'content="0; url=/slow/"' not in answer.content:
            return
    took = time.monotonic() - begun
    assert took > 2, f"10 requests in {took:.2f} s, each told to come back at once"


@hangs
def test_who_goes_away_while_he_is_let_in_leaves_his_place(site: None, monkeypatch: Any) -> None:
    """howto/hang-on.md: a process keeps four of them waiting; here none, for ever."""
    get("/slow-coroutine/")
    wait_until(lambda: hung.made["slow_coroutine"])
    looking, may_look = threading.Event(), threading.Event()
    real = _visit._works.look

    def slowly(key: str) -> Any:
        looking.set()
        may_look.wait(5)
        return real(key)

    monkeypatch.setattr(_visit._works, "look", slowly)

    async def gone() -> None:
        visit = asyncio.ensure_future(AsyncClient().get("/slow-coroutine/", headers=RELOAD))
        await asyncio.to_thread(looking.wait, 5)
        visit.cancel()  # as Django's ASGI handler does when the reader has gone
        try:
            await asyncio.wait_for(asyncio.shield(visit), 2)
        except (asyncio.CancelledError, TimeoutError):
            pass
        may_look.set()
        await asyncio.sleep(0.5)
        await sync_to_async(close_all)()

    asyncio.run(gone())
    time.sleep(0.5)
    assert _visit._holds._value == 4


@hangs
def test_a_message_that_no_database_takes_does_not_end_the_signs_of_life(
    site: None, monkeypatch: Any
) -> None:
    """howto/hang-on.md: it is made once; a name of a file may have such a character."""
    monkeypatch.setattr(_beat, "EVERY", 0.05)
    monkeypatch.setattr(_beat, "BEAT", 0.1)

    def view(request: Any) -> HttpResponse:
        number = hung.counted("slow")
        progress(1, 4, os.fsdecode(b"r\xe9sum\xe9.pdf"))
        assert hung.may_end.wait(15)
        return HttpResponse(f"made {number}")

    monkeypatch.setattr(hung.slow, "view", view)
    get("/slow/")
    wait_until(lambda: hung.made["slow"])
    time.sleep(0.5)
    Work.objects.update(until=in_seconds(1.0))
    time.sleep(1.5)
    poll("/slow/")
    time.sleep(1.0)
    assert hung.made["slow"] == 1


@hangs
@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError])
def test_a_view_that_leaves_the_process_is_a_failure(
    site: None, monkeypatch: Any, error: Any
) -> None:
    """howto/hang-on.md: whoever waits sees the number of an incident, which is in the log."""

    def view(request: Any) -> HttpResponse:
        raise error

    monkeypatch.setattr(hung.slow, "view", view)
    with paused():
        get("/slow/")
        drain_now()
    assert Work.objects.get().state == "failed"


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_does_not_end_the_sweep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """rules/later.md: the sweep of any process that serves requests finds it, within 3 s."""
    from django.db import connection

    def away(*args: Any) -> Any:
        raise OperationalError("the server is starting up")

    sweeper = _sweep.Sweeper()
    with testing.override(SWEEP=0.05), pytest.MonkeyPatch.context() as patch:
        patch.setattr(_tables, "_migrated", set())  # a process that has just begun
        patch.setattr(_tables, "_missing", {})
        patch.setattr(type(connection.introspection), "table_names", away)
        sweeper.watch()
        time.sleep(0.5)
    with testing.override(SWEEP=0.05):
        sweeper.watch()  # as the next request does
        time.sleep(0.2)
        alive = sweeper.worker.alive
        sweeper.worker.stop()
        wait_until(lambda: not sweeper.worker.alive)
    assert alive


@task(unique=True)
def once() -> None:
    raise ValueError("not now")


@pytest.mark.django_db
def test_a_unique_call_that_is_put_off_waits_and_others_are_dropped() -> None:
    """howto/later.md, unique: while a call waits, one with the same arguments is dropped."""
    once.delay()
    drained()
    assert Waiting.objects.count() == 1  # it waits for its next attempt
    once.delay()
    assert Waiting.objects.count() == 1


@hangs
def test_who_takes_over_does_not_let_the_progress_go_back(site: None) -> None:
    """howto/hang-on.md: it never goes back."""
    with paused():
        get("/slow/")
        first = _works.claim()
        assert _works.keep_alive(first.pk, first.holder, {"done": 3.0, "total": 4.0})
        before = poll("/slow/").json()["percent"]
        Work.objects.update(until=in_seconds(-0.01))  # he has died
    _run.ask()
    wait_until(lambda: hung.made["slow"])
    time.sleep(0.6)
    assert (before, poll("/slow/").json()["percent"] >= before) == (75, True)


@hangs
def test_who_opens_many_tabs_at_once_has_no_more_under_way_than_limit(site: None) -> None:
    """howto/hang-on.md, limit: how many one visitor may have under way; then 429.

    A browser that restores its tabs asks for all of them in one moment.
    """
    with paused(), ThreadPoolExecutor(6) as threads:
        codes = list(
            threads.map(lambda n: in_thread(lambda: get(f"/slow/?n={n}").status_code), range(6))
        )
    assert (codes.count(202), codes.count(429)) == (4, 2)


# And


@pytest.mark.django_db
def test_no_row_of_two_parents_gets_anothers_value() -> None:
    """later(…).update: the rows are those of now. The keys of the parents are one apart here."""
    Right.objects.create(title="of none")
    rows = [Both.objects.create(name=f"n{n}", title=f"t{n}") for n in range(5)]
    for n, row in enumerate(rows):
        later(Both.objects.filter(pk=row.pk)).update(title=f"new {n}")
    drained()
    found = list(Both.objects.order_by("pk").values_list("title", flat=True))
    assert not [each for n, each in enumerate(found) if each not in (f"t{n}", f"new {n}")]


@pytest.mark.django_db(transaction=True)
def test_without_autocommit_it_is_written_in_the_transaction_that_is_open() -> None:
    """rules/later.md: a row, written in the transaction that is open."""
    messages(1)
    transaction.set_autocommit(False)
    try:
        later(Message.objects.all()).update(views=1)
        transaction.commit()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    drained()
    assert Message.objects.get().views == 1
