"""What reads refuse, and what else they promise: lazy, kept, counted, from threads, awaited."""

from __future__ import annotations

import gc
import math
import os
import threading
from collections import namedtuple
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django import VERSION
from django.db import DataError, connection, models
from django.db.backends.sqlite3.operations import DatabaseOperations as SQLite
from django.db.models import Value
from django.db.models.expressions import Col
from django.db.models.signals import post_init
from django.test.utils import isolate_apps
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.db.shelf.models import Every, FromDb, Loud, Seat, Shelf, Tree, Watched
from unhurried.db import (
    DbError,
    Found,
    ajson_bytes,
    bulk_copy,
    compiled,
    instances,
    json_bytes,
    rows,
)
from unhurried.db._reads._code import loader
from unhurried.db._reads._fetch import no_collection
from unhurried.db._reads._shape import Column, Node, Shape
from unhurried.db._reads._values import _decimal, _loaded, loads, moment
from unhurried.queries import count_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelves() -> list[Shelf]:
    return [Shelf.objects.create(name=f"shelf {n}", books=n) for n in range(5)]


def test_found_asks_once_and_only_when_it_is_needed(shelves: Any) -> None:
    with count_queries() as queries:
        found = instances(Shelf.objects.order_by("pk"))
        assert queries.total == 0
        assert repr(found) == "<Found of Shelf, not asked for yet>"
        assert list(found) == shelves
        assert (len(found), bool(found), found[1], found[1:3]) == (
            5,
            True,
            shelves[1],
            shelves[1:3],
        )
        assert (found.first(), shelves[2] in found) == (shelves[0], True)
    assert queries.total == 1


def test_get_is_the_only_one(shelves: Any) -> None:
    assert instances(Shelf.objects.filter(name="shelf 1")).get() == shelves[1]
    with pytest.raises(Shelf.DoesNotExist, match="There is no such Shelf"):
        instances(Shelf.objects.filter(name="none")).get()
    with pytest.raises(Shelf.MultipleObjectsReturned, match="There are 5 such Shelfs"):
        instances(Shelf.objects.all()).get()
    assert instances(Shelf.objects.filter(name="none")).first() is None


def test_an_iterator_keeps_nothing(shelves: Any) -> None:
    found = instances(Shelf.objects.order_by("pk"))
    with count_queries() as queries:
        assert list(found.iterator(2)) == list(found.iterator()) == shelves
    assert queries.total == 2


def test_instances_can_be_saved_and_know_their_state(shelves: Any) -> None:
    one = instances(Shelf.objects.filter(name="shelf 3")).get()
    assert (one._state.adding, one._state.db) == (False, "default")
    one.books = 33
    one.save()
    assert Shelf.objects.get(pk=one.pk).books == 33


def test_a_deferred_field_is_asked_for(shelves: Any) -> None:
    one = instances(Shelf.objects.only("name").filter(name="shelf 3")).get()
    assert one.get_deferred_fields() == {"room", "books"}
    with count_queries() as queries:
        assert one.books == 3
    assert queries.total == 1


def test_a_related_manager_gives_itself() -> None:
    root = Tree.objects.create(name="root")
    Tree.objects.create(name="leaf", parent=root)
    with count_queries() as queries:
        (leaf,) = instances(root.tree_set)
        assert leaf.parent is root
    assert queries.total == 1


@pytest.mark.parametrize(
    ("queryset", "why"),
    [
        (lambda: Loud.objects.all(), "shelf.Loud: it has a __init__ of its own"),
        (lambda: FromDb.objects.all(), "shelf.FromDb: it has a from_db of its own"),
        (lambda: Shelf.objects.values(), "gives values"),
        (lambda: Shelf.objects.values_list("name"), "gives values"),
        (lambda: Shelf.objects.raw("SELECT * FROM shelf_shelf"), "raw"),
        (lambda: [1, 2], "reads a queryset, not a list"),
    ],
    ids=["__init__", "from_db", "values", "values_list", "raw", "list"],
)
def test_what_is_unsound_is_refused_with_its_reason(queryset: Any, why: str, shelves: Any) -> None:
    Loud.objects.create(name="loud")
    FromDb.objects.create(shelf=shelves[0])
    with pytest.raises(DbError) as raised:
        list(instances(queryset()))
    assert why in str(raised.value)
    assert raised.value.hint


def test_a_model_somebody_listens_to_is_refused() -> None:
    Watched.objects.create(name="a")
    assert len(instances(Watched.objects.all())) == 1
    heard = []

    def listen(instance: Any, **kwargs: Any) -> None:
        heard.append(instance)

    post_init.connect(listen, sender=Watched)
    try:
        with pytest.raises(DbError, match="post_init"):
            list(instances(Watched.objects.all()))
    finally:
        post_init.disconnect(listen, sender=Watched)


def test_it_is_refused_beside_another_too(shelves: Any) -> None:
    FromDb.objects.create(shelf=shelves[0])
    found = Shelf.objects.filter(fromdb__isnull=False)
    assert len(instances(found)) == 1
    with pytest.raises(DbError, match="from_db"):
        list(instances(FromDb.objects.select_related("shelf")))


@dataclass
class Data:
    name: str
    books: int


@dataclass(kw_only=True)
class Keyed:
    books: int
    name: str
    beside: int = field(init=False, default=7)


class Named(NamedTuple):
    name: str
    books: int


class Struct(msgspec.Struct):
    name: str
    books: int


class KeyedStruct(msgspec.Struct, kw_only=True):
    books: int
    name: str


Plain = namedtuple("Plain", "name books")


@pytest.mark.parametrize("kind", [Data, Keyed, Named, Struct, KeyedStruct, Plain])
def test_rows_are_of_each_kind(kind: Any, shelves: Any) -> None:
    found = rows(Shelf.objects.order_by("pk"), kind)
    assert isinstance(found, Found)
    assert [(each.name, each.books) for each in found] == [(f"shelf {n}", n) for n in range(5)]
    assert all(type(each) is kind for each in found)
    assert list(found.iterator(2)) == list(found)
    assert rows(Shelf.objects.none(), kind)[:] == []


def test_rows_of_annotations_and_relations(shelves: Any) -> None:
    @dataclass
    class Row:
        number: int
        shelf__name: str
        shelf_id: int
        five: int

    Every.objects.create(number=1, shelf=shelves[1])
    found = rows(Every.objects.annotate(five=Value(5)), Row)
    assert list(found) == [Row(1, "shelf 1", shelves[1].pk, 5)]


class Whole(NamedTuple):
    pk: tuple[int, str]


class Half(NamedTuple):
    row: int
    letter: str


def test_a_key_of_two_columns_is_read_column_by_column() -> None:
    Seat.objects.create(row=1, letter="a")
    with pytest.raises(DbError, match="Whole wants a key of several columns as one value"):
        rows(Seat.objects.all(), Whole)
    assert rows(Seat.objects.all(), Half).get() == (1, "a")


def test_rows_name_what_is_not_there() -> None:
    @dataclass
    class Row:
        nam: str

    with pytest.raises(DbError, match=r"Row is no row of shelf\.Shelf: .*'nam'"):
        rows(Shelf.objects.all(), Row)
    with pytest.raises(DbError, match="int says nothing of its fields"):
        rows(Shelf.objects.all(), int)
    with pytest.raises(DbError, match="reads a queryset"):
        rows(5, Row)  # type: ignore[arg-type]


@pytest.mark.django_db(transaction=True)
def test_from_coroutines() -> None:
    shelves = [Shelf.objects.create(name=f"shelf {n}") for n in range(3)]

    async def read() -> list[Any]:
        return [each async for each in instances(Shelf.objects.order_by("pk"))]

    async def names() -> list[Any]:
        return [each.name async for each in rows(Shelf.objects.order_by("pk"), Data)]

    assert async_to_sync(read)() == shelves
    assert async_to_sync(ajson_bytes)(Shelf.objects.filter(name="shelf 1"), ["books"]) == (
        json_bytes(Shelf.objects.filter(name="shelf 1"), ["books"])
    )
    assert async_to_sync(names)() == ["shelf 0", "shelf 1", "shelf 2"]


JSON = [
    *("0", "-0", "1e400", "-1e400", "1.5", "123456789012345678901234567890", "NaN", "Infinity"),
    *('"a"', '"\\ud800"', '"\\u0000"', "[1, 2]", '{"a": {"a": null}}', '{"a": 1, "a": 2}', "true"),
    *("nothing", "", " 1 ", "18446744073709551616", "-9223372036854775809", "0.1", "1E5", "1.0"),
    *("2.2250738585072014e-308", "5e-324", "1e23", "9007199254740993", "[" * 2000 + "]" * 2000),
]


@pytest.mark.parametrize("text", JSON, ids=lambda text: text[:30] or "empty")
def test_json_is_read_as_djangos(text: str) -> None:
    try:
        wanted = _loaded(text)
    except RecursionError:
        with pytest.raises(RecursionError):
            loads(text)
        return
    assert repr(loads(text)) == repr(wanted)


def written(made: Any) -> Any:
    """As the loop over rows has it."""
    names = {name.format(c="c"): it for name, it in made.names.items()}
    text = made.text.format(v="v", c="c")
    return eval(f"lambda v: {text}", {**names, "c": made.otherwise})


@pytest.mark.parametrize("places", [0, 1, 2, 3, 6, 10])
@pytest.mark.parametrize("digits", [10, 15, 20])
def test_decimals_of_sqlite_are_djangos(places: int, digits: int) -> None:
    """Of any float: of whole units, between them, too large, and of none."""
    own = SQLite(connection)
    price = models.DecimalField(max_digits=digits, decimal_places=places)
    price.set_attributes_from_name("price")
    column = Col("t", price)
    theirs, quick = own.get_decimalfield_converter(column), written(_decimal(column, connection))

    def told(convert: Any, *value: Any) -> str:
        try:
            return repr(convert(*value))
        except ArithmeticError as error:
            return repr(type(error))

    whole = st.integers(-(10**digits), 10**digits).map(lambda n: n / 10**places)
    near = whole.map(lambda v: math.nextafter(v, math.inf))
    half = st.integers(-(10**6), 10**6).map(lambda n: (n + 0.5) / 10**places)

    @settings(deadline=None, max_examples=100)
    @given(whole | near | half | st.floats() | st.sampled_from([0.0, -0.0, 1e15, 2.675, -1e-7]))
    def each(value: float) -> None:
        assert told(quick, value) == told(theirs, value, column, connection)

    each()
    for odd in (None, 3, -7, 10**30, 1234567890123456789, 10**15 + 5):
        assert told(quick, odd) == told(theirs, odd, column, connection)


@pytest.mark.parametrize(
    "value",
    [
        *(None, datetime(2026, 3, 1, 12, 30, 1, 5), datetime(2026, 3, 1, fold=1)),
        *(datetime.min, datetime.max, datetime(2026, 3, 1, tzinfo=UTC)),
        *("2026-03-01 12:30:01.000005", "2026-03-01", "2026-03-01 12:30:01+02:00"),
    ],
    ids=repr,
)
def test_moments_of_sqlite_are_djangos(value: Any) -> None:
    wanted = SQLite(connection).convert_datetimefield_value(value, None, connection)
    found = written(moment)(value)
    assert repr(found) == repr(wanted)
    assert getattr(found, "fold", None) == getattr(wanted, "fold", None)


def test_collections_go_on_after_threads_that_overlap() -> None:
    assert gc.isenabled()
    barrier = threading.Barrier(2)

    def work() -> None:
        for _ in range(200):
            barrier.wait()
            with no_collection():
                pass

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert gc.isenabled()
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_child_that_is_forked_in_a_pause_collects() -> None:
    with no_collection():
        pid = os.fork()
        if pid == 0:
            os._exit(0 if gc.isenabled() else 1)
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert gc.isenabled()


def test_many_rows_at_a_time() -> None:
    bulk_copy(Shelf, [(f"shelf {n}", n) for n in range(5000)], fields=["name", "books"])
    found = instances(Shelf.objects.order_by("pk"))
    assert [each.books for each in found] == list(range(5000))
    assert [each.books for each in found.iterator(700)] == list(range(5000))


def test_moments_that_something_else_has_written() -> None:
    """Django's own reader is asked where ours does not know."""
    Every.objects.create(moment="2026-07-01T12:00:00.5+02:00")
    (_zones if connection.vendor == "postgresql" else _texts)(Every.objects.all())


def _texts(queryset: Any) -> None:
    odd = ["2026-07-01", "2026-07-01 12:00", "2026-07-01T12:00:00+02:00", "2026-7-1 1:02:03.5Z"]
    for text in odd:
        with connection.cursor() as cursor:
            cursor.execute("UPDATE shelf_every SET moment = %s", [text])
        assert repr(instances(queryset.all())[0].moment) == repr(queryset.get().moment)


def _zones(queryset: Any) -> None:
    assert [e.moment for e in instances(queryset.all())] == [e.moment for e in queryset.all()]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'Europe/Berlin'")
    assert repr(instances(queryset.all())[0].moment) == repr(queryset.get().moment)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL TIME ZONE 'UTC'")
        cursor.execute("UPDATE shelf_every SET moment = 'infinity'")
    with pytest.raises(DataError, match="infinity"):
        list(queryset.all())
    with pytest.raises(DataError, match="infinity"):
        list(instances(queryset.all()))


def test_a_setter_of_its_own_does_not_lose_what_it_has_set() -> None:
    def own(whom: Any, of: Any) -> None:
        whom._state.fields_cache["own"] = of

    parent: Any = Tree._meta.get_field("parent")
    first = Node(Tree, [("id", 1)], 1, own, lambda x, y: None)
    second = Node(Tree, [("id", 2)], 2, parent.set_cached_value, lambda x, y: None)
    shape = Shape(
        3, [Column(n) for n in range(3)], Node(Tree, [("id", 0)], children=[first, second])
    )
    made: list[Any] = []
    loader(shape, "default")([(1, 2, 3)], made.append)
    assert {name: each.pk for name, each in made[0]._state.fields_cache.items()} == {
        "own": 2,
        "parent": 3,
    }


@isolate_apps("tests.db.shelf")
def test_a_field_that_no_line_of_python_can_name() -> None:
    fields = {"from": models.IntegerField(), "n": models.IntegerField()}
    odd: Any = type("Odd", (models.Model,), {"__module__": Shelf.__module__, **fields})
    node = Node(odd, [("id", 0), ("from", 1), ("n", 2)])
    made: list[Any] = []
    loader(Shape(3, [Column(place) for place in range(3)], node), "other")([(1, 2, 3)], made.append)
    state, *values = vars(made[0]).items()
    assert values == [("id", 1), ("from", 2), ("n", 3)]
    assert (state[1].adding, state[1].db) == (False, "other")


@pytest.mark.skipif(VERSION < (6, 1), reason="fetch modes came with Django 6.1")
def test_peers_are_those_of_one_query() -> None:
    from django.db.models.fetch_modes import FETCH_PEERS

    Shelf.objects.all().delete()
    Shelf.objects.bulk_create(Shelf(name=f"s{n}", room=f"r{n}") for n in range(4))

    def some(first: int, last: int) -> Any:
        return Shelf.objects.fetch_mode(FETCH_PEERS).order_by("pk").only("name")[first:last]

    for read in (lambda *ends: instances(some(*ends)), compiled(some)):
        before, now = [*read(0, 2)], [*read(2, 4)]
        assert len(now[0]._state.peers) == 2
        assert now[0].room == "r2"
        assert ["room" in vars(shelf) for shelf in (*before, *now)] == [False, False, True, True]
