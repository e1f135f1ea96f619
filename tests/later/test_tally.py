"""Counters that are written behind: every hit once, whatever fails, and nobody waits for it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import OperationalError, connection, connections, models, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.test import TestCase
from django.test.utils import CaptureQueriesContext, isolate_apps

from tests.later.conftest import wait_until
from tests.pages.models import Article, File, Hits, Page, Shared
from unhurried.cache import cached
from unhurried.later import LaterError, Tally, _drain, _testing, later
from unhurried.later._outbox._dead import retry
from unhurried.later._tally import _flush, _ledger, _ledgers, _value, _watermark
from unhurried.later._thread import Worker
from unhurried.later._writing._drain import drain_lane
from unhurried.later.models import Dead, Flushed, Waiting
from unhurried.later.reading import drain_now, paused
from unhurried.measure import snapshot
from unhurried.measure._units import active
from unhurried.measure.reading import Replayed

HOUR = 3600.0


@pytest.fixture(autouse=True)
def ledgers(monkeypatch: pytest.MonkeyPatch) -> Iterator[_ledgers.Ledgers]:
    """This test's own, as of a new process; what waits at its end is let go."""
    fresh = _ledgers.Ledgers()
    monkeypatch.setattr(_ledgers, "_ledgers", fresh)
    yield fresh
    for each in fresh.of.values():
        each.forget()
        each.worker.stop()
        wait_until(lambda each=each: not each.worker.alive)


@pytest.fixture
def page(db: None) -> Page:
    return Page.objects.create(title="one")


def quiet(model: Any = Page, field: str = "views", **options: Any) -> Tally:
    """That no thread flushes before the test is over."""
    return Tally(model, field, **{"every": HOUR, "most": 10**20, **options})


def stored(page: Any, field: str = "views") -> Any:
    return type(page).objects.values_list(field, flat=True).get(pk=page.pk)


# What is added


def test_what_is_added_is_seen_at_once_and_stored_by_a_flush(page: Page) -> None:
    views = quiet()
    views.add(page)
    views.add(page.pk, 3)
    views.add(str(page.pk), -1)
    assert (stored(page), views.pending(page), views.value(page)) == (0, 3, 3)
    views.flush()
    assert (stored(page), views.pending(page), views.value(page)) == (3, 0, 3)
    views.flush()
    assert stored(page) == 3


def test_what_the_first_flush_stores_is_seen_while_it_commits(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = quiet()
    views.add(page, 5)
    mine = _ledgers.ledger("default")
    mine._begin()
    look = _value._stored_and_mark

    def slowly(*args: Any) -> Any:
        found = look(*args)
        monkeypatch.setattr(_value, "_stored_and_mark", look)
        mine._settle()  # it commits when the row has just been read
        return found

    monkeypatch.setattr(_value, "_stored_and_mark", slowly)
    assert views.value(page) == 5


def test_adding_asks_no_database(page: Page, django_assert_num_queries: Any) -> None:
    views = quiet()
    with django_assert_num_queries(0):
        for _ in range(1000):
            views.add(page)
        assert views.pending(page) == 1000


def test_a_hot_row_costs_two_statements_a_flush(page: Page) -> None:
    views = quiet()
    views.add(page)
    views.flush()  # the first makes the mark
    for _ in range(500):
        views.add(page)
    with CaptureQueriesContext(connection) as asked:
        views.flush()
    verbs = [query["sql"].split()[0] for query in asked.captured_queries]
    assert [verb for verb in verbs if verb not in ("SAVEPOINT", "RELEASE")] == ["UPDATE"] * 2


def test_different_numbers_go_in_one_statement_of_each_200_rows(db: None) -> None:
    pages = [Page.objects.create() for _ in range(450)]
    views = quiet()
    for i, page in enumerate(pages):
        views.add(page, i % 7 + 1)
    with CaptureQueriesContext(connection) as asked:
        views.flush()
    updates = [q for q in asked.captured_queries if 'UPDATE "pages_page"' in q["sql"]]
    assert len(updates) == 3
    assert [stored(page) for page in pages] == [i % 7 + 1 for i in range(450)]


def test_two_fields_of_a_row_and_two_tables_go_in_one_transaction(page: Page) -> None:
    loads, file = quiet(File, "loads"), File.objects.create()
    quiet().add(page, 2)
    quiet(field="likes").add(page, -3)
    loads.add(file, 2**40)
    loads.add(str(file.pk))
    loads.flush()
    assert (stored(page), stored(page, "likes"), stored(file, "loads")) == (2, -3, 2**40 + 1)
    assert Flushed.objects.get().sequence == 1


def test_two_tallies_of_a_field_are_one(page: Page) -> None:
    one, other = quiet(), quiet("pages.Page")
    one.add(page)
    assert other.pending(page) == 1
    other.flush()
    assert one.pending(page) == 0


def test_null_counts_as_0(page: Page) -> None:
    seen, other = quiet(field="seen"), Page.objects.create(seen=5)
    seen.add(page, 2)
    seen.add(other, 3)
    assert seen.value(page) == 2
    seen.flush()
    assert (stored(page, "seen"), stored(other, "seen")) == (2, 8)
    assert seen.value(Page.objects.create()) == 0


def test_floats_and_decimals_count_too(page: Page) -> None:
    other = Page.objects.create()
    for field in ("score", "money"):
        quiet(field=field).add(page, 3)
        quiet(field=field).add(other, 4)
    quiet().flush()
    assert (stored(page, "score"), stored(other, "money")) == (3.0, Decimal(4))


def test_a_child_and_a_proxy_are_pages(db: None) -> None:
    article = Article.objects.create()
    views = quiet(Shared)
    views.add(article)
    views.add(Shared.objects.get(pk=article.pk))
    quiet(Article, "words").add(article, 7)
    views.flush()
    article.refresh_from_db()
    assert (article.views, article.words) == (2, 7)


@pytest.mark.parametrize("grade", ["batch", "commit"])
def test_a_table_of_its_own_is_counted_by_the_keys_of_the_other(page: Page, grade: str) -> None:
    hits, row = quiet(Hits, "count", grade=grade), Hits.objects.create(page=page)
    hits.add(page.pk)
    hits.add(row, 2)
    hits.add(str(page.pk))
    assert (hits.pending(row), hits.value(page.pk)) == (4, 4)
    hits.flush()
    drain_lane("default", "pages.Hits", leased=False)
    assert (stored(row, "count"), hits.value(row)) == (4, 4)
    with pytest.raises(TypeError, match="takes a Hits, not"):
        hits.add(page)


def test_what_adds_up_to_nothing_writes_no_row(page: Page) -> None:
    views = quiet()
    views.add(page, 3)
    views.add(page, -3)
    assert (views.pending(page), views.lost_at_most) == (0, 6)
    with CaptureQueriesContext(connection) as asked:
        views.flush()
    assert not [q for q in asked.captured_queries if "pages_page" in q["sql"]]
    assert views.lost_at_most == 0


def test_async(page: Page) -> None:
    views = quiet()

    async def count() -> Any:
        views.add(page)
        await views.aadd(page)
        seen = await views.avalue(page)
        await views.aflush()
        return seen, await views.avalue(page)

    assert async_to_sync(count)() == (2, 2)
    assert stored(page) == 2


# What is wrong


@pytest.mark.parametrize(
    ("model", "field", "options", "error", "said"),
    [
        (Page, "view", {}, ValueError, "no field 'view'; numeric ones: 'views', 'likes'"),
        (Page, "title", {}, ValueError, "pages.Page.title is a CharField"),
        (Page, "id", {}, ValueError, "that is no key"),
        (Article, "page_ptr", {}, ValueError, "is a OneToOneField"),
        (Article, "views", {}, ValueError, "Say Tally(Page, 'views')"),
        ("pages.Pge", "views", {}, ValueError, "no such model"),
        ("Page", "views", {}, ValueError, 'Say "app_label.Model"'),
        (3, "views", {}, TypeError, "wants a model"),
        (Page, "views", {"grade": "exact"}, ValueError, '"batch" or "commit"'),
        (Page, "views", {"every": 0}, ValueError, "seconds above 0"),
        (Page, "views", {"every": float("inf")}, ValueError, "seconds above 0"),
        (Page, "views", {"every": True}, ValueError, "seconds above 0"),
        (Page, "views", {"most": 0}, ValueError, "whole number of hits from 1"),
        (Page, "views", {"most": 1.5}, ValueError, "whole number of hits from 1"),
        (Page, "views", {"using": "replica"}, ValueError, "DATABASES has 'default'"),
    ],
)
def test_a_wrong_tally_is_told_where_it_is_made(
    model: Any, field: str, options: Any, error: Any, said: str
) -> None:
    with pytest.raises(error) as told:
        Tally(model, field, **options)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("what", "n", "error", "said"),
    [
        (None, 1, TypeError, "None is no primary key of Page"),
        ("one", 1, TypeError, "'one' is no primary key of Page"),
        (True, 1, TypeError, "no primary key"),
        (Page(), 1, ValueError, "not in the database. Save it first"),
        (Page(pk=3), 1, ValueError, "or give the pk of the one that is"),
        (File(), 1, TypeError, "takes a Page, not"),
        (1, 1.0, TypeError, "whole numbers, not 1.0"),
        (1, True, TypeError, "whole numbers, not True"),
        (1, "1", TypeError, "whole numbers, not '1'"),
        (1, 2**63, ValueError, "less than 2**63 at a time"),
        (1, -(2**63), ValueError, "less than 2**63 at a time"),
    ],
)
@pytest.mark.parametrize("grade", ["batch", "commit"])
def test_what_can_not_be_added(grade: str, what: Any, n: Any, error: Any, said: str) -> None:
    views = quiet(grade=grade)
    with pytest.raises(error) as told:
        views.add(what, n)
    assert said in str(told.value)
    assert views.lost_at_most == 0


@pytest.mark.parametrize("grade", ["batch", "commit"])
def test_nothing_is_nothing(grade: str, page: Page) -> None:
    views = quiet(grade=grade)
    with CaptureQueriesContext(connection) as asked:
        views.add(page, 0)
        views.flush()
    assert not asked.captured_queries


@isolate_apps("tests.pages")
def test_a_composite_key_is_refused() -> None:
    class Pair(models.Model):
        pk = models.CompositePrimaryKey("one", "two")
        one = models.IntegerField()
        two = models.IntegerField()
        hits = models.IntegerField(default=0)

        class Meta:
            app_label = "pages"

        def __str__(self) -> str:
            return "pair"

    with pytest.raises(ValueError, match="composite primary key"):
        Tally(Pair, "hits")


def test_a_model_that_comes_later_is_looked_up_when_it_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from django.apps import apps

    monkeypatch.setattr(apps, "models_ready", False)
    views = quiet("pages.Nothing")
    with pytest.raises(RuntimeError, match="before Django's apps are loaded"):
        views.add(1)
    monkeypatch.setattr(apps, "models_ready", True)
    with pytest.raises(ValueError, match="no such model"):
        views.add(1)


def test_without_the_app_it_says_how(settings: Any) -> None:
    from django.apps import apps

    early = Tally(Page, "views")
    with apps_without_ours(apps):
        with pytest.raises(LaterError, match="INSTALLED_APPS"):
            Tally(Page, "views")
        with pytest.raises(LaterError, match="INSTALLED_APPS"):
            early.add(1)


def apps_without_ours(apps: Any) -> Any:
    from django.test import modify_settings

    return modify_settings(INSTALLED_APPS={"remove": "unhurried.later"})


def test_no_such_row(db: None) -> None:
    with pytest.raises(Page.DoesNotExist):
        quiet().value(404)


# Transactions


@pytest.mark.django_db(transaction=True)
def test_a_flush_wants_a_transaction_of_its_own() -> None:
    page, views = Page.objects.create(), quiet()
    with transaction.atomic():
        views.add(page)
        with pytest.raises(RuntimeError, match=r"transaction.on_commit\(tally.flush\)"):
            views.flush()
        transaction.on_commit(views.flush)
    assert (stored(page), views.lost_at_most) == (1, 0)


@pytest.mark.django_db(transaction=True)
def test_without_autocommit_nobody_would_commit_it() -> None:
    page, views = Page.objects.create(), quiet()
    views.add(page)
    transaction.set_autocommit(False)
    try:
        with pytest.raises(RuntimeError, match="autocommit is off"):
            views.flush()
    finally:
        transaction.rollback()
        transaction.set_autocommit(True)
    assert (stored(page), views.pending(page)) == (0, 1)


@pytest.mark.django_db(transaction=True)
def test_a_rollback_takes_no_hit_back() -> None:
    page, views = Page.objects.create(), quiet()
    with transaction.atomic():
        views.add(page)
        transaction.set_rollback(True)
    views.flush()
    assert stored(page) == 1


class InATestCase(TestCase):
    """Whose transaction takes the marks back, test by test, while the process goes on."""

    tally: Any = None

    def test_one(self) -> None:
        self.both()

    def test_two(self) -> None:
        self.both()

    def both(self) -> None:
        views = type(self).tally = type(self).tally or quiet()
        page = Page.objects.create()
        views.add(page)
        views.flush()
        assert stored(page) == 1
        assert views.value(page) == 1


def test_no_thread_flushes_what_a_testcase_counts(page: Page, ledgers: Any) -> None:
    """It would see none of its rows, and be in the way when the test database is dropped."""
    views = Tally(Page, "views", every=0.01, most=1)
    with transaction.atomic():
        views.add(page)
        with pytest.raises(RuntimeError, match="a transaction is open"):
            views.flush()
    time.sleep(0.2)
    assert not ledgers.of["default"].worker.alive
    assert views.pending(page) == 1
    views.flush()
    assert stored(page) == 1


def test_a_page_that_is_only_looked_at_counts_no_hit(page: Page) -> None:
    """``diagnose --url`` asks it ten times, and no rollback takes a batch back."""
    views = quiet()
    with active(Replayed()):
        views.add(page)
    assert views.pending(page) == 0
    views.add(page)
    assert views.pending(page) == 1


@pytest.mark.django_db(transaction=True)
def test_nor_what_is_counted_in_tests_that_end_no_threads(
    monkeypatch: pytest.MonkeyPatch, ledgers: Any
) -> None:
    page = Page.objects.create(title="one")
    monkeypatch.setattr(_testing, "PLUGIN", "no such module")
    views = Tally(Page, "views", every=0.01, most=2)
    for _ in range(3):
        views.add(page)
    assert not ledgers.of["default"].worker.alive
    views.flush()
    assert stored(page) == 3


# Each hit once


class Broken:
    """A database that fails at the next COMMIT: before it has happened, or right after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
        self.left = 0
        commit = connection._commit  # below whatever is wrapped around commit()

        def failing() -> None:
            if self.left:
                self.left -= 1
                if after:
                    commit()
                raise OperationalError("the connection is gone")
            commit()

        monkeypatch.setattr(connection, "_commit", failing)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [False, True])
def test_an_unknown_commit_is_tried_again_and_applied_once(
    after: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, other, views = Page.objects.create(), Page.objects.create(), quiet()
    views.add(other)
    views.flush()
    broken = Broken(monkeypatch, after=after)
    views.add(page, 3)
    with paused():  # or the thread would try again at once
        for _ in range(1 if after else 3):
            broken.left = 1
            with pytest.raises(OperationalError):
                views.flush()
        assert stored(page) == 3 * after
        views.add(page, 4)  # goes with the next
        assert (views.value(page), views.lost_at_most) == (7, 7)
        views.flush()
    assert (stored(page), stored(other), views.lost_at_most) == (7, 1, 0)
    assert Flushed.objects.get().sequence == 3


@pytest.mark.django_db(transaction=True)
def test_the_first_flush_of_a_process_is_applied_once_as_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, views = Page.objects.create(), quiet()
    broken = Broken(monkeypatch, after=True)
    broken.left = 1
    views.add(page)
    with paused():
        with pytest.raises(OperationalError):
            views.flush()
        assert stored(page) == 1
        views.flush()
    assert (stored(page), views.value(page)) == (1, 1)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("hours", "total"), [(1, 2), (13, 1)])
def test_a_doubt_that_has_lasted_too_long_is_rather_lost_than_twice(
    hours: int, total: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without its mark, which others sweep after a day."""
    page, views = Page.objects.create(), quiet()
    broken = Broken(monkeypatch, after=True)
    broken.left = 1
    views.add(page)
    with paused():
        with pytest.raises(OperationalError):
            views.flush()
        Flushed.objects.all().delete()
        now = time.time()
        monkeypatch.setattr(_watermark.time, "time", lambda: now + hours * 3600)
        views.flush()
    assert (stored(page), views.lost_at_most) == (total, 0)


@pytest.mark.django_db(transaction=True)
def test_a_database_that_was_away_for_days_gets_the_first_flush_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, views, now = Page.objects.create(), quiet(), time.time()
    views.add(page)
    with paused():
        with monkeypatch.context() as patch:
            patch.setattr(_flush, "claim", refuse)
            with pytest.raises(OperationalError):
                views.flush()
        monkeypatch.setattr(_watermark.time, "time", lambda: now + 100 * 3600)
        views.flush()
    assert stored(page) == 1


def refuse(*args: Any) -> Any:
    raise OperationalError("the database is away")


@pytest.mark.django_db(transaction=True)
def test_a_mark_that_was_swept_is_made_anew() -> None:
    page, views = Page.objects.create(), quiet()
    for _ in range(3):
        views.add(page)
        views.flush()
        Flushed.objects.all().delete()
    assert (stored(page), views.value(page)) == (3, 3)


def test_marks_of_the_gone_are_swept(db: None) -> None:
    Flushed.objects.create(process="old", sequence=1, at=Now() - timedelta(hours=25))
    Flushed.objects.create(process="new", sequence=1, at=Now() - timedelta(hours=23))
    _watermark.sweep("default")
    assert [each.process for each in Flushed.objects.all()] == ["new"]


@pytest.mark.django_db(transaction=True)
def test_what_was_kept_is_made_anew_after_a_flush() -> None:
    """The cache hears the flush as any other write, and nothing before it."""
    page, views = Page.objects.create(), quiet()
    made: list[int] = []

    @cached(600, on_change="wait")
    def shown(pk: int) -> int:
        made.append(pk)
        return int(Page.objects.values_list("views", flat=True).get(pk=pk))

    assert [shown(page.pk), shown(page.pk)] == [0, 0]
    before = len(made)
    views.add(page, 3)
    assert [shown(page.pk), len(made)] == [0, before]
    views.flush()
    assert [shown(page.pk), shown(page.pk)] == [3, 3]


# Rows that are gone, or refuse


def test_a_deleted_row_is_dropped_and_counted(page: Page, store: Any) -> None:
    views, gone = quiet(), Page.objects.create()
    views.add(page)
    views.add(gone)
    gone_pk = gone.pk
    gone.delete()
    views.flush()
    assert (stored(page), views.pending(gone_pk)) == (1, 0)
    counted = snapshot()["counters"]
    assert counted["unhurried.tally.orphaned"] == 1
    assert counted["unhurried.tally.flushed"] == 2
    assert "unhurried.tally.dead" not in counted


def test_a_row_that_refuses_keeps_no_other(db: None, store: Any) -> None:
    pages = [Page.objects.create(views=5) for _ in range(9)]
    views = quiet()
    for page in pages:
        views.add(page)
    views.add(pages[4], -8)  # 5 - 7 is below 0, which the column's check refuses
    quiet(field="likes").add(pages[4])
    views.flush()
    assert [stored(page) for page in pages] == [6] * 4 + [5] + [6] * 4
    assert stored(pages[4], "likes") == 1
    [dead] = Dead.objects.all()
    assert (dead.lane, dead.kind, dead.target) == ("pages.Page", "update", "pages.Page")
    assert json.loads(dead.body) == {"pk": [pages[4].pk], "add": {"views": -7}}
    assert dead.reason.startswith("Tally of pages.Page.views: IntegrityError")
    assert snapshot()["counters"]["unhurried.tally.dead"] == 1
    views.flush()
    assert Dead.objects.count() == 1
    pages[4].views = 10  # somebody sees to it, and has it tried again
    pages[4].save()
    assert retry("default", dead.pk)
    drain_lane("default", "pages.Page", leased=False)
    assert (stored(pages[4]), Dead.objects.count()) == (3, 0)


def test_a_number_no_database_takes_is_dead_too(page: Page) -> None:
    likes, other = quiet(field="likes"), Page.objects.create()
    likes.add(page, 2**63 - 1)
    likes.add(page, 2**63 - 1)
    likes.add(other)
    likes.flush()
    assert (stored(other, "likes"), Dead.objects.count()) == (1, 1)


def test_a_column_that_is_gone_keeps_no_other_table(page: Page) -> None:
    file, loads = File.objects.create(), quiet(File, "loads")
    loads.add(file)
    quiet().add(page)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE pages_file RENAME COLUMN loads TO downloads")
    loads.flush()
    assert stored(page) == 1
    [dead] = Dead.objects.all()
    assert json.loads(dead.body) == {"pk": [str(file.pk)], "add": {"loads": 1}}


# The thread


@pytest.mark.django_db(transaction=True)
def test_it_flushes_by_itself_after_a_while() -> None:
    page, views = Page.objects.create(), Tally(Page, "views", every=0.05)
    for round_ in (1, 2):
        views.add(page)
        wait_until(lambda: views.lost_at_most == 0)
        assert stored(page) == round_


@pytest.mark.django_db(transaction=True)
def test_it_flushes_at_once_when_there_is_much() -> None:
    page, views = Page.objects.create(), Tally(Page, "views", every=HOUR, most=10)
    views.add(page, 9)
    time.sleep(0.2)
    assert views.lost_at_most == 9
    views.add(page, 1)
    wait_until(lambda: views.lost_at_most == 0)
    assert stored(page) == 10


@pytest.mark.django_db(transaction=True)
def test_the_shortest_patience_counts_for_all_of_a_database() -> None:
    page, likes = Page.objects.create(), Tally(Page, "likes", every=0.05)
    quiet().add(page)
    likes.add(page)
    wait_until(lambda: quiet().lost_at_most == 0)


@pytest.mark.django_db(transaction=True)
def test_while_paused_no_thread_flushes_but_whoever_says_so() -> None:
    page, views = Page.objects.create(), Tally(Page, "views", every=0.01)
    with paused():
        views.add(page)
        time.sleep(0.3)
        assert (views.pending(page), stored(page)) == (1, 0)
        views.flush()
        assert stored(page) == 1
        views.add(page)
    wait_until(lambda: views.lost_at_most == 0)
    assert stored(page) == 2


@pytest.mark.django_db(transaction=True)
def test_a_dead_database_stops_nobody_and_loses_nothing(
    monkeypatch: pytest.MonkeyPatch, store: Any, ledgers: Any
) -> None:
    pages = [Page.objects.create() for _ in range(2)]
    views = Tally(Page, "views", every=0.01, most=5)
    attempts: list[float] = []
    monkeypatch.setattr(_ledger, "FIRST", 0.02)
    monkeypatch.setattr(_ledger, "LONGEST", 0.1)
    monkeypatch.setattr(_flush, "claim", lambda *args: attempts.append(1) or refuse())
    for i in range(1000):
        views.add(pages[i % 2])
    wait_until(lambda: len(attempts) > 3)
    assert views.lost_at_most == 1000
    assert sum(len(c.by_pk) for c in ledgers.of["default"]._next.counts.values()) <= 2
    monkeypatch.setattr(_flush, "claim", _watermark.claim)
    wait_until(lambda: views.lost_at_most == 0)
    assert [stored(page) for page in pages] == [500, 500]
    wait_until(lambda: snapshot()["counters"].get("unhurried.tally.flushed") == 1000)
    assert snapshot()["counters"]["unhurried.tally.failed"] >= 3
    wait_until(lambda: snapshot()["gauges"]["unhurried.tally.pending"] == 0)


@pytest.mark.django_db(transaction=True)
def test_it_tries_a_dead_database_ever_more_rarely(
    monkeypatch: pytest.MonkeyPatch, ledgers: Any
) -> None:
    """Nor does what is added meanwhile hurry it."""
    monkeypatch.setattr(_flush, "claim", refuse)
    monkeypatch.setattr(Worker, "wake", lambda self: True)  # the test takes the turns
    views = Tally(Page, "views", most=1)
    pauses = []
    for n in range(1, 13):
        views.add(Page.objects.create())
        ledgers.of["default"]._not_before = 0.0
        pauses.append(ledgers.of["default"].turn())
        views.add(Page.objects.create())
        ledgers.of["default"].turn()
        assert ledgers.of["default"]._failures == n
    assert pauses[0] <= _ledger.FIRST
    assert pauses[-1] > _ledger.LONGEST / 3
    assert max(pauses) <= _ledger.LONGEST


@pytest.mark.django_db(transaction=True)
def test_many_threads_and_flushes_lose_nothing_and_show_no_hit_twice(ledgers: Any) -> None:
    page, views = Page.objects.create(), Tally(Page, "views", every=HOUR)
    threads, sent, wrong = 6, [], []
    barrier, enough = threading.Barrier(threads + 1, timeout=15), threading.Event()

    def add() -> None:
        barrier.wait()
        count = 0
        while not enough.is_set():
            views.add(page)
            count += 1
        sent.append(count)

    with paused():
        adding = [threading.Thread(target=add) for _ in range(threads)]
        for thread in adding:
            thread.start()
        barrier.wait()
        seen = 0
        for _ in range(20):
            views.flush()
            now = views.value(page)
            if now < seen:
                wrong.append((seen, now))
            seen = now
        enough.set()
        for thread in adding:
            thread.join()
        assert views.value(page) == sum(sent)
        views.flush()
    assert not wrong
    assert stored(page) == sum(sent)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before", "after"])
def test_a_value_read_beside_a_flush_has_each_hit_once(
    when: str, monkeypatch: pytest.MonkeyPatch, ledgers: Any
) -> None:
    """The flush commits, or comes back, between the statement and the look at what waits."""
    from unhurried.later._tally import _value

    page, views = Page.objects.create(), quiet()
    views.add(page, 3)
    ask, flushes = _value._stored_and_mark, [1]

    def raced(*args: Any) -> Any:
        if when == "before" and flushes:
            flushes.pop()
            views.flush()
        found = ask(*args)
        if when == "after" and flushes:
            flushes.pop()
            views.flush()
        return found

    monkeypatch.setattr(_value, "_stored_and_mark", raced)
    with paused():
        assert views.value(page) == 3
        assert stored(page) == 3


@pytest.mark.django_db(transaction=True)
def test_a_batch_that_is_committed_but_not_yet_known_is_seen_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, views = Page.objects.create(), quiet()
    broken = Broken(monkeypatch, after=True)
    broken.left = 1
    views.add(page, 3)
    with paused():
        with pytest.raises(OperationalError):
            views.flush()
        assert (stored(page), views.pending(page)) == (3, 3)
        assert views.value(page) == 3


# The end, and other databases


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("threads", [True, False])
def test_the_end_of_the_process_flushes_and_takes_the_mark_away(
    threads: bool, ledgers: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over no connection of this thread's: after a fork it may be the parent's."""
    page, views = Page.objects.create(), quiet()
    views.add(page)
    views.flush()
    if not threads:
        monkeypatch.setattr(Worker, "wake", lambda self: False)
    views.add(page)
    with paused(), CaptureQueriesContext(connection) as asked:  # who pauses loses nothing either
        _ledgers.at_exit()
    assert not asked.captured_queries
    assert stored(page) == 2
    assert not Flushed.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_at_the_end_a_database_that_fails_for_a_moment_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, views, left = Page.objects.create(), quiet(), [1, 1]
    views.add(page)

    def claim(*args: Any) -> bool:
        return _watermark.claim(*args) if not left else refuse(left.pop())

    monkeypatch.setattr(_flush, "claim", claim)
    _ledgers.at_exit()
    assert stored(page) == 1


@pytest.mark.django_db(transaction=True)
def test_at_the_end_a_dead_database_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, caplog: Any
) -> None:
    views = quiet()
    views.add(Page.objects.create(), 7)
    monkeypatch.setattr(_flush, "claim", refuse)
    monkeypatch.setattr(_ledger, "AT_EXIT", 0.3)
    _ledgers.at_exit()
    assert "7 hits for the database 'default' are lost" in caplog.text


@pytest.mark.django_db(transaction=True)
def test_hits_for_a_test_database_are_not_written_into_the_real_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, views = Page.objects.create(), quiet()
    views.add(page)
    monkeypatch.setitem(connections["default"].settings_dict, "NAME", "another")
    with CaptureQueriesContext(connection) as asked:
        _ledgers.at_exit()
    assert not asked.captured_queries
    assert views.lost_at_most == 0


# Grade "commit"


def test_a_hit_of_grade_commit_is_a_row_of_its_own(page: Page) -> None:
    views = Tally(Page, "views", grade="commit")
    views.add(page, 3)
    views.add(page, -1)
    Tally(Page, "likes", grade="commit").add(page)
    assert (stored(page), views.pending(page), views.value(page)) == (0, 2, 2)
    assert views.lost_at_most == 0
    first = Waiting.objects.earliest("pk")
    assert (first.kind, first.target) == ("update", "pages.Page")
    assert json.loads(first.body) == {"pk": [page.pk], "add": {"views": 3}}
    views.flush()
    assert Waiting.objects.count() == 3
    later(Page.objects.filter(pk=page.pk)).update(likes=F("likes") + 4, title="two")
    assert Tally(Page, "likes", grade="commit").value(page) == 5
    drain_lane("default", "pages.Page", leased=False)
    assert (stored(page), stored(page, "likes"), stored(page, "title")) == (2, 5, "two")
    assert (views.pending(page), views.value(page)) == (0, 2)


@pytest.mark.django_db(transaction=True)
def test_a_hit_of_grade_commit_is_applied_by_whoever_drains() -> None:
    _drain.install()
    page, views = Page.objects.create(), Tally(Page, "views", grade="commit")
    with paused():
        for _ in range(20):
            views.add(page)
        assert drain_now() == ["writes"]
    assert (stored(page), views.value(page)) == (20, 20)


def test_grade_commit_takes_no_null() -> None:
    with pytest.raises(ValueError, match="may be NULL"):
        Tally(Page, "seen", grade="commit")


def test_a_hit_of_grade_commit_goes_with_its_transaction(page: Page) -> None:
    views = Tally(Page, "views", grade="commit")
    with transaction.atomic():
        views.add(page)
        assert views.value(page) == 1
        transaction.set_rollback(True)
    assert views.value(page) == 0


def test_keys_that_are_no_numbers_wait_as_text(db: None) -> None:
    file, loads = File.objects.create(), Tally(File, "loads", grade="commit")
    loads.add(file, 2)
    assert (loads.pending(file), loads.value(str(file.pk))) == (2, 2)


def test_a_drain_between_two_looks_makes_no_hit_vanish(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    from unhurried.later._tally import _commit

    views = Tally(Page, "views", grade="commit")
    views.add(page, 3)
    look, drains = _commit.stored, [1]

    def raced(*args: Any) -> Any:
        found = look(*args)
        if drains:
            drains.pop()
            Waiting.objects.all().delete()
            Page.objects.update(views=3)
        return found

    monkeypatch.setattr(_commit, "stored", raced)
    assert views.value(page) == 3
