"""``compiled`` and ``update_now``: what is bound, what shapes, what is refused; updates."""

from __future__ import annotations

import datetime
import threading
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import DatabaseError, connection, transaction
from django.db.models import F, Q, Value
from django.db.models.functions import Upper
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.db.shelf.models import Cafe, Every, Filled, Shelf, Tree
from unhurried.db import DbError, compiled, update_now
from unhurried.db._compiled._compiled import MOST, Compiled
from unhurried.queries import count_queries
from unhurried.testing import override

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelves() -> list[Shelf]:
    return [Shelf.objects.create(name=f"shelf {n}", books=n) for n in range(5)]


def statements(handle: Compiled) -> int:
    """How many it has made."""
    every = [s for f in handle._families.values() for s in f._statements.values()]
    return sum(len(each._variants) for each in every)


def test_one_statement_for_all_values(shelves: Any) -> None:
    handle = compiled(lambda name, least: Shelf.objects.filter(name=name, books__gte=least))
    for n in range(5):
        with count_queries() as queries:
            assert handle(f"shelf {n}", 0).get() == shelves[n]
        assert queries.total == 1
    assert handle(least=1, name="shelf 0")[:] == []
    assert statements(handle) == 1


def test_a_default_and_a_wrong_call(shelves: Any) -> None:
    handle = compiled(lambda name="shelf 1": Shelf.objects.filter(name=name))
    assert handle().get() == shelves[1]
    with pytest.raises(TypeError):
        handle("a", "b")
    with pytest.raises(TypeError):
        handle(nam="a")


def test_none_and_lists_have_statements_of_their_own(shelves: Any) -> None:
    handle = compiled(lambda keys: Tree.objects.filter(parent__in=keys))
    root = Tree.objects.create(name="root")
    leaf = Tree.objects.create(name="leaf", parent=root)
    assert handle([])[:] == []
    assert handle([root.pk])[:] == [leaf]
    assert handle([root])[:] == [leaf]
    assert handle([root.pk, root.pk, 77])[:] == [leaf]
    assert handle([])[:] == []
    parent = compiled(lambda parent: Tree.objects.filter(parent=parent))
    assert parent(None)[:] == [root]
    assert parent(root)[:] == [leaf]
    assert parent(root.pk)[:] == [leaf]


def test_what_is_read_once_is_read_once(shelves: Any) -> None:
    """A generator gave no rows, and broke the handle for whoever came later."""
    handle = compiled(lambda keys: Shelf.objects.filter(pk__in=keys).order_by("pk"))
    move = compiled(lambda keys, room: Shelf.objects.filter(pk__in=keys).update(room=room))
    pks = [each.pk for each in shelves[:2]]
    for _ in range(2):
        for keys in (
            (pk for pk in pks),
            map(int, pks),
            filter(None, pks),
            iter(pks),
            pks,
            set(pks),
            dict.fromkeys(pks).keys(),
        ):
            assert handle(keys)[:] == shelves[:2]
        assert move(iter(pks), room="attic") == 2


def test_sql_as_an_argument_goes_as_it_is_written(shelves: Any) -> None:
    handle = compiled(lambda keys: Shelf.objects.filter(pk__in=keys).order_by("pk"))
    assert handle([shelves[0].pk])[:] == shelves[:1]
    for n in (1, 2):
        assert handle(Shelf.objects.filter(books=n))[:] == [shelves[n]]
        assert handle(Shelf.objects.filter(books=n).values("pk"))[:] == [shelves[n]]
    same = compiled(lambda n: Shelf.objects.filter(books=n))
    assert len(same(F("books"))) == len(shelves)
    assert same(2).get() == shelves[2]
    move = compiled(lambda n, books: Shelf.objects.filter(books=n).update(books=books))
    assert move(4, F("books") + 5) == 1
    assert Shelf.objects.filter(books=9).exists()


def test_what_shapes_the_query_is_known(shelves: Any) -> None:
    page = compiled(lambda at, size: Shelf.objects.order_by("pk")[at : at + size])
    assert [page(at, 2)[:] for at in (0, 2, 4)] == [shelves[:2], shelves[2:4], shelves[4:]]
    assert page._shaping == {"at", "size"}
    chosen = compiled(lambda n: Shelf.objects.filter(books=1 if n > 3 else 2))
    assert (chosen(4).get(), chosen(3).get()) == (shelves[1], shelves[2])
    either = compiled(lambda n, q: Shelf.objects.filter(q, books=n))
    assert either(1, Q(name="shelf 1")).get() == shelves[1]


def test_from_so_many_kinds_on_it_runs_as_written(shelves: Any) -> None:
    page = compiled(lambda n: Shelf.objects.order_by("pk")[:n])
    change = compiled(lambda n: Shelf.objects.filter(books=1 if n % 2 else 2).update(room=str(n)))
    with override(STRICT=False):
        for n in range(1, MOST + 50):
            assert page(n)[:] == shelves[:n]
            assert change(n) == 1
    assert len(page._families) == MOST
    assert set(Shelf.objects.values_list("room", flat=True)) == {"hall", "248", "249"}


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (lambda name: Shelf.objects.get(name=name), "asks the database itself"),
        (lambda name: list(Shelf.objects.filter(name=name)), "asks the database itself"),
        (lambda name: Shelf.objects.filter(name=name).delete(), "asks the database itself"),
        (lambda name: Shelf.objects.filter(name=name).count(), "asks the database itself"),
        (lambda name: Shelf.objects.filter(name=name).values(), "gives values"),
        (lambda name: Shelf.objects.raw("SELECT 1"), "raw() is SQL already"),
        (lambda name: 7.5, "gives a float"),
        (
            lambda name: Shelf.objects.filter(books=1).update(books=2),
            "no argument is in this update",
        ),
        (
            lambda name: Cafe.objects.filter(name=name).update(name="x", tables=2),
            "asks the database",
        ),
    ],
    ids=["get", "list", "delete", "count", "values", "raw", "number", "constant", "two tables"],
)
def test_what_can_not_be_compiled_says_why(build: Any, why: str, shelves: Any) -> None:
    with pytest.raises(DbError) as raised:
        compiled(build)("shelf 1")
    assert why in str(raised.value)
    assert Shelf.objects.count() == 5
    assert Shelf.objects.get(name="shelf 1").books == 1


def test_an_object_that_is_looked_into_is_refused(shelves: Any) -> None:
    handle = compiled(lambda shelf: Every.objects.filter(number=shelf.books))
    with pytest.raises(DbError, match=r"reads shelf\.books"):
        handle(shelves[1])


def test_the_wrong_object_is_refused_as_django_does(shelves: Any) -> None:
    handle = compiled(lambda shelf: Every.objects.filter(shelf=shelf))
    Every.objects.create(shelf=shelves[1], number=7)
    assert handle(shelves[1]).get().number == 7
    with pytest.raises(ValueError, match="Must be"):
        handle(Tree.objects.create(name="x"))
    with pytest.raises(ValueError, match="saved"):
        handle(Shelf(name="new"))


def test_bad_values_raise_what_django_raises(shelves: Any) -> None:
    handle = compiled(lambda n: Shelf.objects.filter(books=n))
    with pytest.raises(ValueError, match="expected a number"):
        handle("many")
    assert handle(1).get() == shelves[1]
    with pytest.raises(ValueError, match="expected a number"):
        handle("many")
    assert handle("1").get() == shelves[1]
    assert handle(10**30)[:] == []
    assert handle(1)[:] == [shelves[1]]


def test_clocks_and_stars_are_refused() -> None:
    with pytest.raises(DbError, match=r"asks now\(\), once and for ever"):
        compiled(lambda n: Shelf.objects.filter(every__moment__gt=timezone.now()))
    with pytest.raises(DbError, match=r"\*names"):
        compiled(lambda *names: Shelf.objects.filter(name__in=names))


def test_what_changes_besides_the_arguments_is_seen(shelves: Any) -> None:
    """In tests and under DEBUG each call is compared with what Django makes."""
    wanted = {"name": "shelf 1"}
    handle = compiled(lambda least: Shelf.objects.filter(books__gte=least, **wanted))
    assert handle(0).get() == shelves[1]
    wanted["name"] = "shelf 2"
    with pytest.raises(DbError, match="Django makes another statement") as raised:
        handle(0)
    assert "pass all that changes as arguments" in raised.value.hint


def test_a_constant_that_changes_at_once_is_seen_in_production_too(shelves: Any) -> None:
    count = iter(range(100))
    handle = compiled(lambda least: Shelf.objects.filter(books__gte=least, pk__gt=next(count)))
    with override(STRICT=False), pytest.raises(DbError, match="another statement"):
        handle(0)


def test_no_check_in_production(shelves: Any) -> None:
    calls: list[int] = []

    def build(n: Any) -> Any:
        calls.append(1)
        return Shelf.objects.filter(books=n)

    handle = compiled(build)
    with override(STRICT=False):
        handle(1)
        made = len(calls)
        handle(2)
    assert len(calls) == made


def test_dates_are_told_in_the_zone_of_the_moment() -> None:
    noon = datetime.datetime(2026, 3, 1, 23, 30, tzinfo=datetime.UTC)
    Every.objects.create(moment=noon)
    handle = compiled(lambda day: Every.objects.filter(moment__date=day))
    with timezone.override("Europe/Berlin"):
        assert len(handle(datetime.date(2026, 3, 2))) == 1
    with timezone.override("UTC"):
        assert len(handle(datetime.date(2026, 3, 2))) == 0
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        assert len(handle(datetime.date(2026, 3, 2))) == 1


@pytest.mark.django_db(transaction=True)
def test_each_thread_has_its_connection() -> None:
    Shelf.objects.create(name="one", books=1)
    handle = compiled(lambda n: Shelf.objects.filter(books__gte=n))
    found: list[Any] = []

    def ask() -> None:
        try:
            found.extend(handle(n) for n in (0, 1, 2))
            found.append(len(found[0]))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    if connection.vendor == "sqlite":  # in memory: one connection alone
        for _ in threads:
            assert len(handle(1)) == 1
        return
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found.count(1) == 4


@pytest.mark.django_db(transaction=True)
def test_from_coroutines() -> None:
    shelf = Shelf.objects.create(name="one", books=1)
    read = compiled(lambda n: Shelf.objects.filter(books=n))
    write = compiled(lambda n, m: Shelf.objects.filter(books=n).update(books=m))

    async def work() -> tuple[Any, Any, Any]:
        found = [each async for each in read(1)]
        return found, await read.acall(1), await write.acall(1, 5)

    assert async_to_sync(work)() == ([shelf], [shelf], 1)


UPDATES = [
    (lambda n, m: Shelf.objects.filter(books=n).update(books=m), [(1, 7), (9, 1), (2, 2)]),
    (lambda n, m: Shelf.objects.filter(books=n).update(books=F("books") + m), [(1, 7), (2, -1)]),
    (lambda n, m: Shelf.objects.filter(books__in=n).update(room=m), [([1, 2], "x"), ([], "y")]),
    (lambda n, m: Shelf.objects.filter(books__gt=n).update(name=Upper("name"), room=m), [(2, "a")]),
    (lambda n, m: Shelf.objects.filter(name=n).update(room=m), [("shelf 1", "it's %s \\")]),
    (lambda n, m: Every.objects.filter(number=n).update(data=m), [(1, {"a": [1, None]}), (1, "x")]),
    (lambda n, m: Every.objects.filter(number=n).update(price=m), [(1, Decimal("1.2345")), (1, 3)]),
    (lambda n, m: Every.objects.filter(number=n).update(shelf=m, flag=True), [(1, None)]),
    (lambda n, m: Every.objects.filter(shelf__books=n).update(number=m), [(1, 5), (4, 5)]),
    (
        lambda n, m: Every.objects.filter(number=n).update(took=m),
        [(1, datetime.timedelta(hours=1))],
    ),
]


@pytest.mark.parametrize(("build", "calls"), UPDATES, ids=[str(n) for n in range(len(UPDATES))])
def test_updates_do_what_the_querysets_does(build: Any, calls: Any, shelves: Any) -> None:
    Every.objects.create(number=1, shelf=shelves[1], took=datetime.timedelta(1))
    Every.objects.create(number=2, shelf=shelves[2])

    def image() -> Any:
        return list(Shelf.objects.order_by("pk").values()), list(
            Every.objects.order_by("pk").values()
        )

    handle = compiled(build)
    for args in calls:
        with transaction.atomic():
            count = build(*args)
            wanted = image()
            transaction.set_rollback(True)
        assert handle(*args) == count
        assert image() == wanted


def test_an_update_is_counted_and_breaks_its_transaction_as_others_do(shelves: Any) -> None:
    handle = compiled(lambda n, m: Shelf.objects.filter(books=n).update(name=m))
    with count_queries() as queries:
        assert handle(1, "new") == 1
    assert queries.total == 1
    with pytest.raises(DatabaseError), transaction.atomic():
        handle(2, "shelf 3")  # there is one


def test_update_now_writes_and_keeps_in_step(shelves: Any) -> None:
    shelf = shelves[1]
    with count_queries() as queries:
        update_now(shelf, books=7, room="loft")
    assert queries.total == 1
    assert (shelf.books, shelf.room) == (7, "loft")
    assert Shelf.objects.filter(pk=shelf.pk, books=7, room="loft", name="shelf 1").exists()
    with count_queries() as queries:
        update_now(shelf, books=F("books") + 1, room="x")
        assert (shelf.books, shelf.room) == (8, "x")
    assert queries.total == 1
    update_now(shelf)
    update_now(shelf, books="9")
    assert shelf.books == 9


def test_update_now_reads_what_the_database_makes() -> None:
    filled = Filled.objects.create(name="one", note="")
    with count_queries() as queries:
        update_now(filled, name="two")
        assert (filled.name, filled.loud) == ("two", "TWO")
    assert queries.total == 1


def test_update_now_of_relations_and_parents(shelves: Any) -> None:
    every = Every.objects.create(shelf=shelves[0])
    update_now(every, shelf=shelves[1])
    assert every.shelf is shelves[1]
    update_now(every, shelf_id=shelves[2].pk)
    assert every.shelf == shelves[2]
    update_now(every, shelf=None)
    assert Every.objects.get().shelf is None
    cafe = Cafe.objects.create(name="a", tables=1)
    with count_queries() as queries:
        update_now(cafe, name="b")
        update_now(cafe, tables=3)
    assert queries.total == 2
    cafe = Cafe.objects.get()
    assert (cafe.name, cafe.tables) == ("b", 3)


def test_update_now_refuses(shelves: Any) -> None:
    with pytest.raises(DbError, match="is not saved yet"):
        update_now(Shelf(name="x"), books=1)
    with pytest.raises(DbError, match=r"shelf\.Shelf has no field 'book'"):
        update_now(shelves[0], book=1)
    with pytest.raises(DbError, match="is the primary key"):
        update_now(shelves[0], pk=5)
    with pytest.raises(DbError, match="columns of several tables"):
        update_now(Cafe.objects.create(name="a", tables=1), name="b", tables=2)
    Shelf.objects.filter(pk=shelves[0].pk).delete()
    with pytest.raises(DatabaseError, match="is not there any more"):
        update_now(shelves[0], books=1)
    with pytest.raises(DatabaseError, match="is not there any more"):
        update_now(shelves[0], books=F("books") + Value(1))
    assert shelves[0].books == 0


def test_update_now_refuses_a_bad_value_and_the_instance_stays(shelves: Any) -> None:
    with pytest.raises(ValueError, match="expected a number"):
        update_now(shelves[1], books="many")
    with pytest.raises(DatabaseError), transaction.atomic():
        update_now(shelves[1], name="shelf 2")
    assert (shelves[1].books, shelves[1].name) == (1, "shelf 1")


def test_under_debug_the_log_has_what_was_asked_and_nothing_else(shelves: Any) -> None:
    """SQLite asks itself how to show parameters, and would be asked about stand-ins."""
    shelf = Shelf.objects.order_by("pk")[0]
    change = compiled(lambda name, books: Shelf.objects.filter(name=name).update(books=books))
    with override_settings(DEBUG=True), CaptureQueriesContext(connection) as asked:
        update_now(shelf, books=71, room="cellar")
        assert change(shelf.name, 72) == change(shelf.name, 73) == 1
    assert [query["sql"][:7] for query in asked] == ["UPDATE "] * 3
    assert Shelf.objects.get(pk=shelf.pk).books == 73


@pytest.mark.django_db(transaction=True)
def test_a_lock_wants_a_transaction_at_each_call() -> None:
    shelf = Shelf.objects.create(name="one")
    lock = compiled(lambda name: Shelf.objects.select_for_update().filter(name=name))
    with transaction.atomic():
        assert lock("one").get() == shelf
    if connection.features.has_select_for_update:
        with override(STRICT=False), pytest.raises(transaction.TransactionManagementError):
            lock("one").get()
    else:
        assert lock("one").get() == shelf  # SQLite has no such lock, and Django says nothing
