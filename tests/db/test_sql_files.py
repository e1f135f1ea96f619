"""Methods of an ``SQLManager``: what they give, what they refuse, and that data stays data."""

from __future__ import annotations

import copy
import datetime
import inspect
import pickle
import pydoc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import MultipleObjectsReturned, ObjectDoesNotExist
from django.db import DatabaseError, connection, models, transaction
from django.db.models import QuerySet
from django.template import engines
from django.test import override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unhurried.db import DbError, SQLManager
from unhurried.measure import measured, snapshot
from unhurried.queries import count_queries

from .shelf.models import Line, Shelf, Stock, StockManager, Whole

pytestmark = pytest.mark.django_db
ON_POSTGRES = connection.vendor == "postgresql"
NOW = datetime.datetime(2024, 2, 29, 23, 59, 58, 123456, tzinfo=datetime.UTC)
Define = Callable[..., Any]


@dataclass
class Pair:
    a: Any
    b: Any


@dataclass(kw_only=True)
class Worded:
    b: str
    a: int
    made: str = field(default="here", init=False)


class Named(NamedTuple):
    b: str
    a: int


class Struct(msgspec.Struct, kw_only=True):
    b: str
    a: int


class Hue(StrEnum):
    RED = "red"
    BLUE = "blue"


@pytest.fixture
def define(tmp_path: Path) -> Define:
    """A manager of the statements that are given."""

    def make(text: str, base: Any = SQLManager, **attributes: Any) -> Any:
        file = tmp_path / "given.sql"
        file.write_text(text)
        kind: Any = type("Given", (base,), {"sql": file, "__module__": __name__, **attributes})
        return kind()

    return make


@pytest.fixture
def shop() -> Shelf:
    made = Shelf.objects.create(name="hall")
    for title, copies in (("Scaling", 3), ("100 %", 2), ("Pony's", 1)):
        Stock.objects.create(
            shop=made,
            title=title,
            copies=copies,
            added=NOW,
            day=NOW.date(),
            hour=NOW.time(),
            took=datetime.timedelta(days=2, microseconds=3),
            data={"a": [1, None, "ü"]},
            price=Decimal("12.30"),
            is_new=copies > 1,
        )
    return made


# What a method gives.


def test_lists_of_rows(shop: Shelf) -> None:
    assert Stock.objects.inventory(shop.pk) == [
        *(Line("Scaling", 3), Line("100 %", 2), Line("Pony's", 1))
    ]
    assert Stock.objects.inventory(shop.pk, limit=1) == [Line("Scaling", 3)]
    assert Stock.objects.inventory(shop.pk, 2) == [Line("Scaling", 3), Line("100 %", 2)]
    assert Stock.objects.inventory(shop=shop.pk + 1) == []


@pytest.mark.parametrize("kind", [Worded, Named, Struct])
def test_each_kind_of_row_by_the_names_of_its_columns(define: Define, kind: Any) -> None:
    found = define(f"-- name: it(a: int) -> {kind.__name__}\nSELECT :a AS a, 'x' AS b").it(3)
    assert found == kind(b="x", a=3)


def test_one_row(shop: Shelf) -> None:
    assert Stock.objects.line("Scaling") == Line("Scaling", 3)
    assert Stock.objects.maybe("Scaling") == Line("Scaling", 3)
    assert Stock.objects.maybe("None") is None
    with pytest.raises(Stock.DoesNotExist, match=r"line \(tests/db/shelf/sql/stock.sql:13\) finds"):
        Stock.objects.line("None")
    Stock.objects.update(title="same")
    for method in (Stock.objects.line, Stock.objects.maybe):
        with pytest.raises(Stock.MultipleObjectsReturned, match="gives more than one row"):
            method("same")


def test_without_a_model_the_exceptions_are_djangos(define: Define) -> None:
    text = "-- name: it(n: int) -> int\nSELECT 1 AS x WHERE :n > 0 UNION ALL SELECT 2 WHERE :n > 1"
    given = define(text)
    assert given.it(1) == 1
    with pytest.raises(ObjectDoesNotExist):
        given.it(0)
    with pytest.raises(MultipleObjectsReturned):
        given.it(2)


def test_single_values(shop: Shelf) -> None:
    assert Stock.objects.total(shop.pk) == 3
    assert Stock.objects.most(shop.pk) == 3
    assert Stock.objects.most(shop.pk + 1) is None
    assert Stock.objects.newest(shop.pk) == NOW
    assert Stock.objects.titles(shop.pk) == ["100 %", "Pony's", "Scaling"]
    assert Stock.objects.titles(shop.pk, is_new=False) == ["Pony's"]


def test_a_null_where_none_is_said(define: Define) -> None:
    with pytest.raises(DbError, match=r"given.sql:1: it gives NULL, and is to give int\. Say int"):
        define("-- name: it() -> int\nSELECT NULL").it()


def test_counts_of_rows(shop: Shelf, define: Define) -> None:
    assert Stock.objects.sell("Scaling", NOW.date()) == 1
    assert Stock.objects.sell("None", day=NOW.date()) == 0
    found = Stock.objects.get(title="Scaling")
    assert (found.copies, found.sold) == (2, NOW.date())
    given = define("-- name: it() -> rowcount\nUPDATE shelf_stock SET copies = 0 RETURNING id;")
    assert given.it() == 3


def test_what_a_write_returns(shop: Shelf) -> None:
    assert Stock.objects.sold("Scaling") == [2]
    assert Stock.objects.get(title="Scaling").copies == 2


def test_iterators(shop: Shelf) -> None:
    found = Stock.objects.lines()
    assert isinstance(found, Iterator)
    assert list(found) == [Line("Scaling", 3), Line("100 %", 2), Line("Pony's", 1)]
    Stock.objects.all().delete()
    assert list(Stock.objects.lines()) == []


def test_an_iterator_keeps_no_rows(define: Define) -> None:
    given = define(
        "-- name: it(n: int) -> Iterator[int]\n"
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < :n)"
        " SELECT x FROM c"
    )
    rows = given.it(5000)
    assert [next(rows), next(rows)] == [1, 2]
    if ON_POSTGRES:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors")
            assert cursor.fetchone() == (1,)
    rows.close()
    if ON_POSTGRES:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors")
            assert cursor.fetchone() == (0,)
    assert sum(given.it(5000)) == 5000 * 5001 // 2


@pytest.mark.django_db(transaction=True)
def test_an_iterator_outside_of_a_transaction(shop: Shelf) -> None:
    rows = Stock.objects.stream(shop.pk)
    assert next(rows).title == "Scaling"
    assert Stock.objects.sell("100 %", NOW.date()) == 1  # meanwhile
    assert [book.title for book in rows] == ["100 %", "Pony's"]
    found: list[Any] = []
    later = Stock.objects.lines()

    def read() -> None:
        found.extend(later)
        connection.close()

    if ON_POSTGRES:  # a database in memory is another's in another thread
        thread = Thread(target=read)
        thread.start()
        thread.join()
        assert [line.title for line in found] == ["Scaling", "100 %", "Pony's"]


def test_an_iterator_refuses_wrong_columns_even_of_no_rows(define: Define) -> None:
    given = define("-- name: it() -> Iterator[Pair]\nSELECT 1 AS a, 2 AS c WHERE 1 = 0")
    with pytest.raises(DbError, match="no column for b"):
        list(given.it())


@pytest.mark.parametrize("tz", [True, False], ids=["USE_TZ", "naive"])
def test_values_are_what_the_orm_loads(shop: Shelf, tz: bool) -> None:
    with override_settings(USE_TZ=tz):
        orm = Stock.objects.values(*Whole._fields).get(title="Scaling")
        found = Stock.objects.whole("Scaling")
    assert found._asdict() == orm
    assert [type(value) for value in found] == [type(value) for value in orm.values()]


@override_settings(USE_TZ=True, TIME_ZONE="Asia/Kathmandu")
def test_moments_of_an_expression(shop: Shelf, define: Define) -> None:
    given = define(
        "-- name: it() -> datetime\nSELECT max(added) FROM shelf_stock\n"
        "-- name: day() -> date\nSELECT max(day) FROM shelf_stock\n"
        "-- name: hour() -> time | None\nSELECT max(hour) FROM shelf_stock\n"
        "-- name: took() -> timedelta\nSELECT max(took) FROM shelf_stock\n"
        "-- name: price() -> Decimal\nSELECT max(price) FROM shelf_stock\n"
        "-- name: keys() -> list[UUID]\nSELECT key FROM shelf_stock\n"
        "-- name: data() -> list[dict[str, Any]]\nSELECT data FROM shelf_stock\n"
    )
    assert given.it() == NOW
    assert given.it().utcoffset() == Stock.objects.first().added.utcoffset()
    assert (given.day(), given.hour()) == (NOW.date(), NOW.time())
    assert given.took() == datetime.timedelta(days=2, microseconds=3)
    assert given.price() == Decimal("12.3")
    assert set(given.keys()) == set(Stock.objects.values_list("key", flat=True))
    assert given.data() == [{"a": [1, None, "ü"]}] * 3


def test_enumerations(define: Define) -> None:
    given = define(
        "-- name: it(hue: Hue) -> Hue\nSELECT CAST(:hue AS varchar(9)) AS hue\n"
        "-- name: maybe() -> list[Hue | None]\nSELECT 'blue' UNION ALL SELECT NULL ORDER BY 1"
    )
    assert given.it(Hue.RED) is Hue.RED
    assert set(given.maybe()) == {Hue.BLUE, None}
    with pytest.raises(DbError, match=r"the column hue has 'grey': 'grey' is not a valid Hue"):
        given.it("grey")


def test_what_cant_be_converted_is_named(define: Define) -> None:
    if ON_POSTGRES:
        pytest.skip("there a value has its type")
    given = define(
        "-- name: it(a: str, b: str) -> Moments\nSELECT :a AS a, :b AS b",
        Moments=dataclass(
            type("Moments", (), {"__annotations__": {"a": str, "b": "datetime.date"}})
        ),
    )
    with pytest.raises(
        DbError, match=r"given.sql:1: the column b has 'never': 'never' is no moment"
    ):
        given.it("x", "never")


def test_an_error_of_the_row_class_is_its_own(define: Define) -> None:
    @dataclass
    class Picky:
        a: int

        def __post_init__(self) -> None:
            raise ValueError("not me")

    given = define("-- name: it() -> Picky\nSELECT 1 AS a", Picky=Picky)
    with pytest.raises(ValueError, match="not me"):
        given.it()


# Models.


def state(instance: models.Model) -> dict[str, Any]:
    return {name: value for name, value in vars(instance).items() if name != "_state"}


def test_instances_are_those_of_raw(shop: Shelf) -> None:
    sql = "SELECT * FROM shelf_stock WHERE shop_id = %s ORDER BY id"
    wanted = list(Stock.objects.raw(sql, [shop.pk]))
    for found in (Stock.objects.books(shop.pk), list(Stock.objects.stream(shop.pk))):
        assert [state(each) for each in found] == [state(each) for each in wanted]
        assert {type(each) for each in found} == {Stock}
        assert {(each._state.adding, each._state.db) for each in found} == {(False, "default")}


def test_instances_may_be_changed_and_load_what_is_deferred(shop: Shelf) -> None:
    book = Stock.objects.book("Scaling")
    assert book.get_deferred_fields() >= {"copies", "price"}
    with count_queries() as queries:
        assert book.price == Decimal("12.30")
    assert queries.total == 1
    book.title = "Other"
    book.save(update_fields=["title"])
    assert Stock.objects.filter(title="Other").count() == 1


def test_instances_have_what_is_no_field_as_an_attribute(shop: Shelf, define: Define) -> None:
    text = (
        "-- name: it() -> list[Stock]\nSELECT copies * 2 AS twice, id FROM shelf_stock ORDER BY 1"
    )
    assert [each.twice for each in define(text).it()] == [2, 4, 6]


def test_instances_of_another_model(shop: Shelf) -> None:
    assert Stock.objects.shelf_of("Scaling") == shop
    assert Stock.objects.shelf_of("None") is None


def test_an_instance_needs_its_key(define: Define) -> None:
    given = define("-- name: it() -> list[Stock]\nSELECT title FROM shelf_stock")
    with pytest.raises(DbError, match=r"given\.sql:1: it gives no id, by which Stock is known"):
        given.it()


# Arguments.


def test_calls_bind_as_python_does(shop: Shelf) -> None:
    assert Stock.objects.since(NOW, price=Decimal("12.30")) == ["100 %", "Pony's", "Scaling"]
    for call in (
        lambda: Stock.objects.inventory(),
        lambda: Stock.objects.inventory(1, 2, 3, 4),
        lambda: Stock.objects.inventory(1, shop=1),
        lambda: Stock.objects.inventory(1, colour="red"),
        lambda: Stock.objects.since(moment=NOW, price=1),
        lambda: Stock.objects.since(NOW, 1),
        lambda: Stock.objects.stream(),  # at the call, not at the first row
        lambda: Stock.objects.astream(),
    ):
        with count_queries() as queries, pytest.raises(TypeError):
            call()
        assert queries.total == 0


@pytest.mark.parametrize(
    "value",
    [
        *("'", "''", "\\", "\\'", "'; DROP TABLE shelf_stock; --", "%s", "%(a)s", "%", ":a", "$1"),
        *("$$", "/*", "--", '"', "\n", "\u2028", "ü", "{a}", "?", "@a", "' OR 1=1 --", "\x1a", ""),
    ],
)
def test_what_is_given_comes_back(define: Define, value: str) -> None:
    given = define(
        "-- name: it(a: str, b: str) -> Pair\n"
        "SELECT CAST(:a AS text) AS b, CAST(:b AS text) || ':a %s %(a)s' AS a -- :x it's %"
    )
    assert given.it(value, value) == Pair(a=value + ":a %s %(a)s", b=value)


def test_a_nul_is_refused_or_comes_back(define: Define) -> None:
    given = define("-- name: it(a: str) -> str\nSELECT CAST(:a AS text)")
    if ON_POSTGRES:
        with pytest.raises((DatabaseError, ValueError), match="NUL"), transaction.atomic():
            given.it("a\0b")
    else:
        assert given.it("a\0b") == "a\0b"


def test_arguments_are_adapted_as_raw_does(shop: Shelf, define: Define) -> None:
    given = define(
        "-- name: it(moment: datetime, day: date, hour: time, took: timedelta, key: UUID,"
        " price: Decimal, is_new: bool) -> int\n"
        "SELECT count(*) FROM shelf_stock WHERE added = :moment AND day = :day AND hour = :hour"
        " AND took = :took AND key = :key AND price = :price AND is_new = :is_new"
    )
    book = Stock.objects.get(title="Scaling")
    moment = book.added.astimezone(datetime.timezone(datetime.timedelta(hours=5)))
    args = (book.day, book.hour, book.took, book.key, book.price, book.is_new)
    assert given.it(moment, *args) == 1


def test_lists_and_documents(shop: Shelf, define: Define) -> None:
    one_of = "= ANY(:ids)" if ON_POSTGRES else "IN (SELECT value FROM json_each(:ids))"
    given = define(
        "-- name: it(ids: list[int]) -> list[int]\n"
        f"SELECT copies FROM shelf_stock WHERE copies {one_of} ORDER BY 1\n"
        "-- name: document(d: dict) -> dict\nSELECT "
        + ("CAST(:d AS jsonb)" if ON_POSTGRES else ":d")
    )
    for ids in ([1, 3, 99], (1, 3), {1, 3}):
        assert given.it(ids) == [1, 3]
    assert given.it([]) == []
    document = {"a": [1, {"b": None}], "quote": "'\"%s:d"}
    assert given.document(document) == document


def test_any_is_parsed_where_the_type_is_json(define: Define) -> None:
    kind, first = ("jsonb", [1]) if ON_POSTGRES else ("text", "[1]")  # SQLite has no such type
    sql = f"SELECT CAST('[1]' AS {kind}) AS a, CAST('[1]' AS text) AS b"
    given = define(f"-- name: it() -> Pair\n{sql}")
    assert given.it() == Pair(first, "[1]")


# What a cursor's own SQL is.


def test_it_is_counted_and_named_by_its_line(shop: Shelf, store: Path) -> None:
    with count_queries() as queries, measured("report"):
        for _ in range(5):
            Stock.objects.total(shop.pk)
    assert queries.total == 5
    [found] = queries.findings
    line = inspect.currentframe().f_lineno - 3  # type: ignore[union-attr]
    assert found.loop == f"tests/db/test_sql_files.py:{line}"
    assert snapshot()["routes"]["report"]["queries"]["sum"] == 5


def test_it_is_of_the_callers_transaction(shop: Shelf) -> None:
    with transaction.atomic():
        assert Stock.objects.sell("Scaling", NOW.date()) == 1
        transaction.set_rollback(True)
    assert Stock.objects.get(title="Scaling").copies == 3


def test_without_parameters_nothing_is_escaped(define: Define) -> None:
    assert define("-- name: it() -> str\nSELECT '100 %s %% :a'").it() == "100 %s %% :a"


def test_postgresql_may_read_a_backslash_otherwise(define: Define) -> None:
    if not ON_POSTGRES:
        return
    given = define("-- name: it(a: str) -> str\nSELECT 'x\\' || CAST(:a AS text) || ''")
    assert given.it("'||'") == "x\\'||'"
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL standard_conforming_strings = off")
    with pytest.raises(DbError, match=r"given\.sql:1: with standard_conforming_strings off"):
        given.it("'||'")
    assert define("-- name: it(a: str) -> str\nSELECT E'\\'' || :a").it("\\'") == "'\\'"


def test_of_two_columns_of_an_instance_the_first_counts(shop: Shelf, define: Define) -> None:
    text = "-- name: it() -> list[Stock]\nSELECT s.*, f.* FROM shelf_stock s, shelf_shelf f"
    sql = text.partition("\n")[2]
    found = {each.pk: state(each) for each in define(text).it()}
    assert found == {each.pk: state(each) for each in Stock.objects.raw(sql)}


def test_without_cursors_of_the_server(define: Define, monkeypatch: Any) -> None:
    """As behind a pooler that hands out connections by the transaction."""
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    rows = define("-- name: it() -> Iterator[int]\nSELECT 1 UNION ALL SELECT 2").it()
    assert next(rows) == 1
    if ON_POSTGRES:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors")
            assert cursor.fetchone() == (0,)
    assert list(rows) == [2]


# Coroutines.


def test_async_twins(shop: Shelf) -> None:
    async def ask() -> None:
        assert await Stock.objects.atotal(shop.pk) == 3
        assert await Stock.objects.amaybe("None") is None
        assert [each.title async for each in Stock.objects.astream(shop.pk)] == [
            *("Scaling", "100 %", "Pony's")
        ]
        with pytest.raises(TypeError):
            await Stock.objects.atotal()
        with pytest.raises(Stock.DoesNotExist):
            await Stock.objects.aline("None")

    assert inspect.iscoroutinefunction(StockManager.atotal)
    async_to_sync(ask)()


def test_an_async_iterator_that_is_left_closes_its_cursor(define: Define) -> None:
    text = "-- name: it() -> Iterator[int]\nSELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"
    given = define(text)

    async def ask() -> None:
        rows = given.ait()
        assert await anext(rows) == 1
        await rows.aclose()

    async_to_sync(ask)()
    if ON_POSTGRES:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors")
            assert cursor.fetchone() == (0,)


def test_a_twin_of_ones_own_stays(define: Define) -> None:
    async def ait(self: Any) -> str:
        return "mine"

    text = "-- name: it() -> int\nSELECT 1\n-- name: two() -> int\nSELECT 2\n"
    given = define(text + "-- name: atwo() -> int\nSELECT 22", ait=ait)
    assert async_to_sync(given.ait)() == "mine"
    assert (given.two(), given.atwo()) == (2, 22)


# Managers.


def test_help_says_what_the_file_says() -> None:
    told = pydoc.plain(pydoc.render_doc(StockManager.inventory))
    assert "inventory(self, shop: int, least: int = 0, limit: int = 20) -> list[Line]" in told
    assert "What a shop has, the most first.\n" in told
    assert "``least``: copies that there are to be." in told
    method = StockManager.inventory
    assert (method.__qualname__, method.__module__) == (
        *("StockManager.inventory", "tests.db.shelf.models"),
    )
    assert method.__annotations__ == {
        "shop": "int",
        "least": "int",
        "limit": "int",
        "return": "list[Line]",
    }
    assert inspect.signature(Stock.objects.since).parameters["price"].kind.name == "KEYWORD_ONLY"
    assert StockManager.line.__doc__ is None
    assert StockManager.ainventory.__doc__ == "``inventory`` for coroutines."


def test_related_managers_have_them(shop: Shelf) -> None:
    assert shop.stock.total(shop.pk) == 3
    assert shop.stock.filter(copies=3).count() == 1


class Few(QuerySet[Any]):
    def few(self) -> Any:
        return self.filter(copies__lt=3)


def test_a_queryset_of_ones_own(shop: Shelf) -> None:
    for kind in (
        StockManager.from_queryset(Few),
        type("Own", (SQLManager.from_queryset(Few),), {"sql": stock_file(), "__module__": MODULE}),
    ):
        made = kind()
        made.model = Stock
        assert made.few().count() == 2
        assert made.total(shop.pk) == 3


MODULE = "tests.db.shelf.models"


def stock_file() -> Path:
    return Path(__file__).parent / "shelf" / "sql" / "stock.sql"


def test_managers_are_copied_pickled_and_named_in_migrations(shop: Shelf) -> None:
    for made in (
        copy.deepcopy(Stock.objects),
        copy.copy(Stock.objects),
        pickle.loads(pickle.dumps(StockManager())),
        StockManager["Stock"](),
    ):
        made.model = Stock
        assert made.total(shop.pk) == 3
    assert StockManager().deconstruct()[1] == f"{MODULE}.StockManager"
    assert StockManager() == StockManager()
    assert Stock._meta.default_manager is not None
    assert Stock._default_manager.total(shop.pk) == 3


def test_the_database_is_the_managers(shop: Shelf) -> None:
    assert Stock.objects.db_manager("default").total(shop.pk) == 3
    elsewhere = Stock.objects.db_manager("elsewhere")
    for call in (lambda: elsewhere.total(1), lambda: elsewhere.sell("x", NOW.date())):
        with pytest.raises(Exception, match="elsewhere"):
            call()


class Router:
    asked: list[str] = []

    def db_for_read(self, model: Any, **hints: Any) -> str:
        self.asked.append("read")
        return "default"

    def db_for_write(self, model: Any, **hints: Any) -> str:
        self.asked.append(f"write {model._meta.label}")
        return "default"


def test_what_changes_rows_goes_where_writes_go(shop: Shelf) -> None:
    with override_settings(DATABASE_ROUTERS=[f"{__name__}.Router"]):
        Router.asked.clear()
        Stock.objects.total(shop.pk)
        Stock.objects.sell("Scaling", NOW.date())
        Stock.objects.sold("Scaling")
        list(Stock.objects.lines())
        assert Router.asked == ["read", "write shelf.Stock", "write shelf.Stock", "read"]


def test_templates_call_no_method_that_changes_rows(shop: Shelf, define: Define) -> None:
    given = define(
        "-- name: it() -> int\nSELECT 7\n-- name: drop() -> rowcount\nDELETE FROM shelf_stock"
    )
    template = engines["django"].from_string("{{ m.it }}{{ m.drop }}")
    assert template.render({"m": given}) == "7"
    assert Stock.objects.count() == 3


def test_a_subclass_has_its_parents_and_may_have_its_own(define: Define, tmp_path: Path) -> None:
    parent = type(define("-- name: it() -> int\nSELECT 1\n-- name: other() -> int\nSELECT 2"))
    (tmp_path / "more.sql").write_text("-- name: it() -> int\nSELECT 3")
    child: Any = type("Child", (parent,), {"sql": [str(tmp_path / "more.sql")]})
    assert (child().it(), child().other(), parent().it()) == (3, 2, 1)
    assert async_to_sync(child().ait)() == 3
    plain: Any = type("Plain", (parent,), {})
    assert plain().it() == 1


def test_several_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.sql").write_text(f"-- name: {name}_it() -> str\nSELECT '{name}'")
    files = (tmp_path / "a.sql", str(tmp_path / "b.sql"))
    kind: Any = type("Both", (SQLManager,), {"sql": files, "__module__": __name__})
    assert (kind().a_it(), kind().b_it()) == ("a", "b")


# Columns that are not the fields.


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("1 AS a", r"it: there is no column for b \(columns: a; fields: a, b\)"),
        ("1 AS a, 2 AS b, 3 AS c", r"it: Pair has no field for c \(columns: a, b, c; fields: a, b"),
        ("1 AS a, 2 AS c", r"there is no column for b and Pair has no field for c"),
        ("1 AS a, 2 AS b, 3 AS b", r"it: two columns are called b\."),
    ],
    ids=["missing", "surplus", "both", "twice"],
)
def test_columns_that_are_not_the_fields(define: Define, columns: str, says: str) -> None:
    given = define(f"-- name: it() -> list[Pair]\nSELECT {columns}")
    for _ in range(2):
        with pytest.raises(DbError, match=says):
            given.it()


def test_rows_of_what_gives_none(define: Define) -> None:
    given = define("-- name: it() -> list[Pair]\nUPDATE shelf_stock SET copies = 1")
    with pytest.raises(DbError, match=r"it gives no rows\. Say -> rowcount\."):
        given.it()


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ("list[Pear]", r"nobody knows what Pear is\.\D*Pair"),
        ("Pair.inner", r"Pair\.inner is no type"),
        ("list[models]", r"nobody knows what models is"),
        ("list[Path]", r"nobody knows how a row becomes Path"),
        ("list[Pair | int]", r"nobody knows how a row becomes Pair \| int"),
        ("list[tuple]", r"nobody knows how a row becomes tuple"),
        ("f(x)", r"f\(x\) is no type: f\(x\) is more than a name"),
        ("int + str", r"only \| joins types"),
        ("list['Pair']", r"nobody knows how a row becomes 'Pair'"),
    ],
)
def test_results_that_mean_nothing(define: Define, result: str, says: str) -> None:
    given = define(f"-- name: it() -> {result}\nSELECT 1 AS a, 2 AS b")
    with count_queries() as queries, pytest.raises(DbError, match=says):
        given.it()
    assert queries.total == 0


def test_a_parameter_that_means_nothing(define: Define) -> None:
    with pytest.raises(DbError, match=r"given.sql:1: nobody knows what itn is\."):
        define("-- name: it(a: itn) -> int\nSELECT :a").it(1)


def test_a_module_is_no_type_but_what_is_in_it(define: Define) -> None:
    """Here ``datetime`` is the module."""
    given = define("-- name: it(a: datetime.date | None, b: datetime | None) -> int\nSELECT :a, :b")
    with pytest.raises(DbError, match="gives NULL"):
        given.it(None, None)


# Literals, whatever is in them, are data.

NAMED = st.sampled_from([":name", "::int", ":=", "%s", "%(name)s", "%", "'", '"', "\\", "--", "/*"])
INNER = st.lists(
    NAMED | st.sampled_from(["*/", "$", "$$", "$a$", "\n", "[", "]", "a", "é", ";", "-- name: x"]),
    max_size=8,
).map("".join)


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def escaped(text: str) -> str:
    return "E'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def dollars(text: str) -> str:
    tags = (f"$q{n}$" for n in count())
    tag = next(tag for tag in tags if (text + tag).find(tag) == len(text))
    return f"{tag}{text}{tag}"


def comment(text: str) -> str:
    """They nest on PostgreSQL."""
    inner = text.replace("*", "")
    return f" /* {inner} /*{inner} */ :name */ " if ON_POSTGRES else f" /* {inner} */ "


@pytest.mark.long
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(texts=st.lists(INNER, min_size=1, max_size=4), name=INNER, data=st.data())
def test_literals_come_back(define: Define, texts: list[str], name: str, data: Any) -> None:
    roads = [quoted, escaped, dollars] if ON_POSTGRES else [quoted]
    between = st.sampled_from([" ", "\n", " -- :name it's %s\n"]) | INNER.map(comment)
    parts, wanted = [], []
    for text in texts:
        literal = data.draw(st.sampled_from(roads))(text)
        parts.append(f"{data.draw(between)}{literal}{data.draw(between)}")
        wanted.append(text)
    column = '"' + name.replace('"', '""')[:20].rstrip('"') + 'x"'
    sql = " || '|' || ".join([*parts, "CAST(:name AS text)"])
    given = define(f"-- name: it(name: str) -> str\nSELECT {sql} AS {column}")
    value = data.draw(INNER)
    assert given.it(value) == "|".join([*wanted, value])
