"""Statements of ``.sql`` files as methods: what they give, what is wrong with a file, and fuzz."""

from __future__ import annotations

import copy
import datetime
import inspect
import pickle
import sys
import textwrap
import types
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import call_command
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.shelf.models import Count, Every, Reports, Shelf
from unhurried.db import DbError, SQLManager
from unhurried.db._sql._tokens import for_django
from unhurried.queries import count_queries

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelves() -> list[Shelf]:
    rows = [("one", "hall", 1), ("three", "loft", 3), ("two", "hall", 2)]
    return [Shelf.objects.create(name=n, room=r, books=b) for n, r, b in rows]


def test_what_each_shape_gives(shelves: Any) -> None:
    reports = Shelf.reports
    assert reports.by_room() == [Count("hall", 2, 3), Count("loft", 1, 3)]
    assert (
        reports.by_room(2) == reports.by_room(least=2) == [Count("hall", 1, 2), Count("loft", 1, 3)]
    )
    assert reports.by_room(99) == []
    assert reports.room("hall") == Count("hall", 2, 3)
    assert reports.room_if_any("hall") == Count("hall", 2, 3)
    assert reports.room_if_any("cellar") is None
    assert (reports.how_many(), reports.longest()) == (3, "three")
    assert reports.names("o") == ["one", "two"]
    assert list(reports.each(2)) == [Count("hall", 1, 2), Count("loft", 1, 3)]
    assert list(reports.each_name()) == ["one", "three", "two"]


def test_none_and_many_are_errors_where_one_is_promised(shelves: Any) -> None:
    with pytest.raises(Shelf.DoesNotExist, match="room found no row"):
        Shelf.reports.room("cellar")
    Shelf.objects.all().delete()
    assert Shelf.reports.longest() is None


def test_changed_rows_are_counted(shelves: Any) -> None:
    with count_queries() as queries:
        assert Shelf.reports.move("hall", "cellar", most=1) == 1
        assert Shelf.reports.move("hall", to="cellar") == 1
    assert queries.total == 2
    assert Shelf.objects.filter(room="cellar").count() == 2


def test_models_are_instances_as_raw_gives_them(shelves: Any) -> None:
    (found,) = Shelf.reports.shelves("two")
    assert (found, found.next) == (shelves[2], 3)
    assert Shelf.reports.shelf("one") == shelves[0]
    assert Shelf.reports.shelf("none") is None
    assert list(Shelf.reports.each_shelf()) == [shelves[0], shelves[2], shelves[1]]


def test_values_are_what_fields_would_give() -> None:
    noon = datetime.datetime(2026, 3, 1, 12, 30, 1, 123456, tzinfo=datetime.UTC)
    every = Every.objects.create(
        number=1, price=Decimal("1.250"), moment=noon, day=noon.date(), hour=noon.time(),
        took=datetime.timedelta(days=1, microseconds=5), key=uuid.UUID(int=7), flag=True,
        data={"a": [1, None, "x"]},
    )  # fmt: skip
    every.refresh_from_db()
    found = Shelf.reports.values_of(1)
    for name in found._fields:
        ours, theirs = getattr(found, name), getattr(every, name)
        assert (type(ours), ours) == (type(theirs), theirs), name
    Every.objects.create(number=2)
    assert set(Shelf.reports.values_of(2)) == {None, 2}


def test_parameters_of_each_kind_are_found_again() -> None:
    noon = datetime.datetime(2026, 3, 1, 12, tzinfo=datetime.UTC)
    key = uuid.UUID(int=7)
    Every.objects.create(
        number=1, moment=noon, key=key, day=noon.date(), price=Decimal("1.25"), flag=True
    )
    hour = datetime.timedelta(hours=1)
    assert Shelf.reports.between(noon, noon + hour) == [1]
    assert Shelf.reports.between(noon - hour, noon) == []
    berlin = datetime.timezone(hour)
    assert Shelf.reports.between(noon.astimezone(berlin), noon.astimezone(berlin) + hour) == [1]
    assert Shelf.reports.of_kind(key, noon.date(), Decimal("1.25"), flag=True) == [1]
    assert Shelf.reports.of_kind(key, noon.date(), Decimal("1.25"), flag=False) == []


def test_calls_bind_as_pythons_do(shelves: Any) -> None:
    with pytest.raises(TypeError, match="missing a required argument: 'name'"):
        Shelf.reports.room()
    with pytest.raises(TypeError, match="required argument: 'name'"):
        Shelf.reports.room(nam="x")
    with pytest.raises(TypeError, match="too many positional"):
        Shelf.reports.move("a", "b", 3)


def test_methods_look_like_methods() -> None:
    method = Reports.by_room
    assert str(inspect.signature(method)) == "(self, /, least=0)"
    assert method.__doc__ == (
        "How many shelves and books each room has.\nRooms without a shelf are not told."
    )
    assert (method.__name__, method.__qualname__) == ("by_room", "Reports.by_room")
    assert method.__module__ == "tests.db.shelf.models"
    assert Reports.how_many.__doc__ is None


def test_a_manager_is_copied_and_inherited(shelves: Any) -> None:
    assert copy.deepcopy(Shelf.reports).how_many() == 3
    assert Shelf.reports.db_manager("default").how_many() == 3
    assert pickle.loads(pickle.dumps(Count("a", 1, 2))) == Count("a", 1, 2)

    class Child(Reports):
        pass

    child = Child()
    child.model = Shelf
    assert child.how_many() == Shelf.reports.filter(books__gt=0).count() == 3


HOSTILE = ["it's", '"', "%", "%s", "%(name)s", ":text", "\\", "--", "/*", "';DROP TABLE x", "é\t\n"]


@pytest.mark.parametrize("text", HOSTILE)
def test_values_are_never_sql(text: str) -> None:
    Shelf.objects.create(name=text, room="x")
    assert Shelf.reports.shelf(text).name == text
    assert Shelf.reports.said(text) == [":text %s 100%"]


bodies = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
spoken = bodies.map(lambda body: f"{body} :name %s ")


@given(body=spoken, tag=st.sampled_from(["", "a", "tag_1"]))
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_texts_comments_and_names_come_back_unchanged(body: str, tag: str) -> None:
    parts = ["'" + body.replace("'", "''") + "'"]
    inside = body.replace("*/", "").replace("/*", "")
    comment = f"/* {inside.replace('/', '').replace('*', '')} */ "
    if connection.vendor == "postgresql":
        escaped = body.replace("\\", "\\\\").replace("'", "\\'")
        parts.append(f"E'{escaped}'")
        mark = f"${tag}$"
        if mark not in body and not body.endswith("$"):
            parts.append(f"{mark}{body}{mark}")
        comment += f"/* a /* {inside.replace('/', '').replace('*', '')} */ :name */ "
    line = body.replace("\n", " ").replace("\r", " ")
    sql = f"SELECT {comment}{', '.join(parts)}, :name -- {line}\n"
    django, names = for_django(sql)
    assert [name for name, _ in names] == ["name"]
    with connection.cursor() as cursor:
        cursor.execute(django, {"name": body})
        assert cursor.fetchone() == (*([body] * len(parts)), body)


def test_casts_and_slices_are_no_placeholders() -> None:
    sql = "SELECT a::int, b[1:2], c[x:y], :d::text, '{}'::int[], e := 5, (:f)"
    assert [name for name, _ in for_django(sql)[1]] == ["d", "f"]


def made(tmp_path: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A manager of such a file."""
    (tmp_path / "it.sql").write_text(textwrap.dedent(text).lstrip("\n"))
    module = types.ModuleType("a_site")
    module.__file__ = str(tmp_path / "models.py")
    module.Count = Count  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "a_site", module)
    cls = type("Manager", (SQLManager,), {"sql": "it.sql", "__module__": "a_site"})
    manager = cls()
    manager.model = Shelf
    return manager


WRONG = {
    "no header": ("SELECT 1", "it.sql has no statement"),
    "before": ("SELECT 1;\n-- name: a() -> int\nSELECT 2", "it.sql:1: SQL before the first header"),
    "no type": ("-- name: a(x) -> int\nSELECT :x", "it.sql:1: x has no type"),
    "no result": ("-- name: a()\nSELECT 1", "it.sql:1: 'a()' is no header"),
    "nonsense": ("-- name: a(x: int -> int\nSELECT 1", "it.sql:1: 'a(x: int -> int' is no header"),
    "stars": ("-- name: a(*x: int) -> int\nSELECT 1", "it.sql:1: * in a header"),
    "unknown": (
        "-- name: a(shop: int) -> int\nSELECT :shop,\n  :shp",
        "it.sql:3: there is no parameter 'shp'. Did you mean 'shop'?",
    ),
    "unused": ("-- name: a(x: int) -> int\nSELECT 1", "it.sql:1: x is not in the SQL"),
    "twice": (
        "-- name: a() -> int\nSELECT 1\n-- name: a() -> int\nSELECT 2",
        "it.sql:3: a is there already",
    ),
    "shadows": ("-- name: filter() -> int\nSELECT 1", "it.sql:1: a manager has filter already"),
    "empty": ("-- name: a() -> int\n-- nothing\n", "it.sql:1: a has no SQL"),
    "open text": ("-- name: a() -> int\nSELECT\n 'x", 'it.sql:3: "\'" does not end'),
    "open comment": ("-- name: a() -> int\nSELECT 1 /* x", "it.sql:2: '/' does not end"),
    "default": ("-- name: a(x: int = y) -> int\nSELECT :x", "it.sql:1: the default y is no plain"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_in_a_file_is_named_with_its_line(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, why = WRONG[what]
    with pytest.raises(DbError) as raised:
        made(tmp_path, text, monkeypatch)
    assert why in str(raised.value)
    assert raised.value.hint


CALLS = {
    "nobody": ("-- name: a() -> list[Cuont]\nSELECT 1", "it.sql:1: nobody knows Cuont"),
    "type": ("-- name: a() -> dict[str]\nSELECT 1", "dict[str] is no type"),
    "missing": (
        "-- name: a() -> list[Count]\nSELECT 'x' AS room, 1 AS shelves",
        "it.sql:1: a gives no column 'books'",
    ),
    "surplus": (
        "-- name: a() -> Count\nSELECT 'x' AS room, 1 AS shelves, 2 AS books, 3 AS more",
        "a column 'more' that Count has not",
    ),
    "two values": ("-- name: a() -> int\nSELECT 1 AS x, 2 AS y", "gives 2 columns (x, y)"),
}


@pytest.mark.parametrize("what", CALLS)
def test_what_is_wrong_in_a_call_is_named(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, why = CALLS[what]
    manager = made(tmp_path, text, monkeypatch)
    with pytest.raises(DbError) as raised:
        list(manager.a())
    assert why in str(raised.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(DbError, match=r"nowhere\.sql can't be read"):
        type("Manager", (SQLManager,), {"sql": "nowhere.sql", "__module__": __name__})


@pytest.mark.django_db(transaction=True)
def test_from_coroutines() -> None:
    Shelf.objects.create(name="one", room="hall", books=1)

    async def work() -> list[Any]:
        each = [row async for row in Shelf.reports.aeach(0)]
        names = [name async for name in Shelf.reports.aeach_name()]
        moved = await Shelf.reports.amove("hall", "loft")
        return [await Shelf.reports.aby_room(), each, names, moved]

    found = async_to_sync(work)()
    assert found == [[Count("loft", 1, 1)], [Count("hall", 1, 1)], ["one"], 1]


def test_sqlcheck_says_that_all_is_well(capsys: Any) -> None:
    call_command("unhurried", "sqlcheck", "shelf.Shelf")
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 16
    assert all(line.endswith("  ok") for line in said), said
    assert "sql/shelf.sql:3 " in " ".join(said)
