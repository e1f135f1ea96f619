"""What ``bulk_copy`` stores is what ``bulk_create`` stores; who can't be stored is named."""

from __future__ import annotations

import datetime
import io
import json
import uuid
from collections import namedtuple
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, models, transaction
from django.db.models import F
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unhurried.db import CopyError, DbError, Update, abulk_copy, bulk_copy
from unhurried.measure import measured, snapshot
from unhurried.queries import count_queries

from .shelf.models import Cafe, Checked, Every, Filled, Place, Rated, Restaurant, Shelf, Slugs, Tree

pytestmark = pytest.mark.django_db
ON_POSTGRES = connection.vendor == "postgresql"

texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
zones = st.sampled_from(
    [datetime.UTC, datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))]
)
moments = st.datetimes(datetime.datetime(1, 1, 3), datetime.datetime(9999, 12, 28), timezones=zones)
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
jsons = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-(2**31), 2**31 - 1) | st.sampled_from(["12", 3.7, True]),
    "big": st.integers(-(2**63), 2**63 - 1),
    "small": st.integers(-(2**15), 2**15 - 1),
    "positive": st.integers(0, 2**31 - 1),
    "positive_big": st.integers(0, 2**63 - 1),
    "positive_small": st.integers(0, 2**15 - 1),
    "char": texts,
    "text": texts | st.just("\t\\N\r\n\\.\n"),
    "slug": texts,
    "email": texts,
    "url": texts,
    "file": texts,
    "flag": st.booleans() | st.sampled_from(["True", "f", 0, 1]),
    "ratio": st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False)
    | st.sampled_from([3, "2.5"]),
    "price": st.decimals(-(10**8), 10**8, places=3)
    | st.sampled_from([1, 2.5, "3.125", Decimal("1E+3")]),
    "moment": moments,
    "day": st.dates() | moments,
    "hour": st.times(),
    "took": st.timedeltas(datetime.timedelta(days=-9999), datetime.timedelta(days=9999)),
    "key": st.uuids() | st.uuids().map(str),
    "raw": st.binary(max_size=40) | st.binary(max_size=9).map(bytearray),
    "data": jsons.filter(lambda value: value is not None),
    "address": st.ip_addresses().map(str),
    "shout": texts,
    "odd": st.integers(-9, 9),
}


@pytest.fixture
def shelves() -> list[Shelf]:
    return [Shelf.objects.create(name=name) for name in ("a", "b", "c")]


def stored(model: type[models.Model], *names: str) -> list[Any]:
    names = names or tuple(f.attname for f in model._meta.concrete_fields if not f.primary_key)
    return [
        tuple(bytes(value) if isinstance(value, memoryview) else value for value in row)
        for row in model._base_manager.order_by("pk").values_list(*names)
    ]


@pytest.mark.long
@pytest.mark.parametrize("name", FIELDS)
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(data=st.data())
def test_each_field_is_stored_as_by_bulk_create(name: str, data: Any) -> None:
    values = data.draw(st.lists(st.none() | FIELDS[name], min_size=1, max_size=8))
    Every.objects.all().delete()
    Every.objects.bulk_create([Every(**{name: value}) for value in values])
    wanted = stored(Every, name)
    for rows in (
        [(value,) for value in values],
        [{name: value} for value in values],
        [Every(**{name: value}) for value in values],
    ):
        Every.objects.all().delete()
        fields = [name] if isinstance(rows[0], tuple) else None
        bulk_copy(Every, rows, fields=fields)
        assert stored(Every, name) == wanted


Pair = namedtuple("Pair", "name books")


@dataclass
class Data:
    name: str
    books: int


KINDS: dict[str, Any] = {
    "tuples": ([("a", 1), ("b", 2)], ["name", "books"]),
    "lists": ([["a", 1], ["b", 2]], ["name", "books"]),
    "dicts": ([{"name": "a", "books": 1}, {"books": 2, "name": "b"}], None),
    "named tuples": ([Pair("a", 1), Pair("b", 2)], None),
    "dataclasses": ([Data("a", 1), Data("b", 2)], None),
    "mixed": ([Data("a", 1), {"name": "b", "books": 2}], None),
    "a generator": ((pair for pair in (("a", 1), ("b", 2))), ["name", "books"]),
    "csv": (io.StringIO("name,books\na,1\nb,2\n"), None),
    "csv without a head": (io.StringIO("a,1\n\nb,2\n"), ["name", "books"]),
}


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in ("mixed",)])
def test_rows_of_each_kind(kind: str) -> None:
    rows, fields = KINDS[kind]
    if kind.startswith("csv"):
        rows.seek(0)
    if kind == "a generator":
        rows = (pair for pair in (("a", 1), ("b", 2)))
    done = bulk_copy(Shelf, rows, fields=fields)
    assert done.count == 2
    assert done.road == ("copy" if ON_POSTGRES else "executemany")
    assert done.errors == []
    assert stored(Shelf) == [("a", "hall", 1), ("b", "hall", 2)]


def test_instances() -> None:
    shelf = Shelf.objects.create(name="a")
    bulk_copy(Every, [Every(number=1, shelf=shelf), Every(number=2), Every(pk=77, number=3)])
    assert sorted(stored(Every, "number", "shelf_id")) == [(1, shelf.pk), (2, None), (3, None)]
    assert Every.objects.get(number=3).pk == 77
    with pytest.raises(CopyError, match="Row 0 can't be stored: shelf is not saved yet"):
        bulk_copy(Every, [Every(shelf=Shelf(name="new"))])


def test_a_file_is_kept_as_its_field_keeps_it(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = tmp_path
    bulk_copy(Every, [Every(file=ContentFile(b"hello", "hello.txt"))])
    assert (tmp_path / "hello.txt").read_bytes() == b"hello"
    assert stored(Every, "file") == [("hello.txt",)]


def test_what_a_row_does_not_say() -> None:
    before = timezone.now()
    rows = [{"name": "a"}, {"name": "b", "rank": 1}, {"name": "c", "note": "n", "made": before}]
    bulk_copy(Filled, rows)
    found = list(Filled.objects.order_by("name"))
    assert [(x.name, x.note, x.rank, x.loud) for x in found] == [
        ("a", "", 7, "A"),
        ("b", "", 1, "B"),
        ("c", "n", 7, "C"),
    ]
    assert len({x.pk for x in found}) == 3
    assert found[2].made == before
    assert all(before <= x.added <= timezone.now() for x in found)
    assert all(before <= x.changed <= timezone.now() for x in found)


def test_a_field_that_wants_its_instance_gets_one() -> None:
    bulk_copy(Slugs, [(1,), (2,)], fields=["number"])
    bulk_copy(Slugs, [{"number": 3}, {"number": 4, "slug": "ignored"}])
    bulk_copy(Slugs, [Slugs(number=5)])
    assert stored(Slugs, "slug") == [(f"{n}-slug",) for n in range(1, 6)]


def test_keys_come_back_in_the_order_of_the_input() -> None:
    rows = [{"name": "a"}, {"name": "b", "id": 1000}, {"name": "c"}]
    done = bulk_copy(Shelf, rows, returning="pks")
    assert done.pks is not None
    assert [Shelf.objects.get(pk=pk).name for pk in done.pks] == ["a", "b", "c"]
    assert done.pks[1] == 1000
    again = bulk_copy(Shelf, [(f"n{n}",) for n in range(9)], fields=["name"], returning="pks")
    assert again.pks is not None
    assert [Shelf.objects.get(pk=pk).name for pk in again.pks] == [f"n{n}" for n in range(9)]
    Shelf.objects.create(name="and the next is free")
    filled = bulk_copy(Filled, [{"name": "a"}], returning="pks")
    assert filled.pks == [Filled.objects.get().pk]


def test_rows_in_several_tables() -> None:
    done = bulk_copy(
        Restaurant,
        [{"name": "a", "stars": 5, "pizza": True}, {"name": "b"}, Restaurant(name="c", stars=1)],
        returning="pks",
    )
    assert done.count == 3
    found = list(Restaurant.objects.order_by("name"))
    assert [(x.name, x.stars, x.pizza) for x in found] == [
        ("a", 5, True),
        ("b", 3, False),
        ("c", 1, False),
    ]
    assert done.pks == [x.pk for x in found]
    assert (Place.objects.count(), Rated.objects.count()) == (3, 3)
    assert bulk_copy(Cafe, [("d", 4)], fields=["name", "tables"]).count == 1
    assert Cafe.objects.get().name == "d"
    Place.objects.create(name="and the next is free")


def test_rows_that_refer_to_each_other_in_any_order() -> None:
    bulk_copy(Tree, [(1, "leaf", 2), (2, "root", None)], fields=["id", "name", "parent"])
    assert Tree.objects.get(name="leaf").parent.name == "root"
    rows = [(3, "a", 1), (4, "b", 99), (5, "c", 4)]
    with pytest.raises(CopyError) as caught:
        bulk_copy(Tree, rows, fields=["id", "name", "parent"])
    error = caught.value
    assert (error.row_number, error.row, error.field, error.value) == (1, rows[1], "parent", 99)
    assert Tree.objects.count() == 2


def bad_rows() -> dict[str, tuple[dict[str, Any], str]]:
    found = {
        "type": ({"number": "x"}, "number"),
        "moment": ({"moment": "nope"}, "moment"),
        "json": ({"data": object()}, "data"),
        "expression": ({"number": F("big")}, "number"),
        "foreign key": ({"shelf_id": 99999}, "shelf"),
        "uuid": ({"key": "nope"}, "key"),
        "of 64 bits": ({"big": 1 << 63}, "big"),
        "half a character": ({"text": "\ud83d"}, "text"),
    }
    found["check"] = ({"positive": -1}, "positive")
    if ON_POSTGRES:
        found |= {
            "length": ({"char": "x" * 201}, "char"),
            "nul": ({"text": "a\0b"}, "text"),
            "out of range": ({"small": 99999}, "small"),
            "nul in json": ({"data": {"a": "\0"}}, "data"),
        }
    return found


@pytest.mark.parametrize("what", bad_rows())
@pytest.mark.parametrize("place", [0, 1, 6, 7])
def test_who_can_not_be_stored_is_named(what: str, place: int, shelves: list[Shelf]) -> None:
    bad, field = bad_rows()[what]
    rows = [{"number": n, "shelf": shelves[0]} for n in range(8)]
    rows[place] = bad
    with pytest.raises(CopyError) as caught:
        bulk_copy(Every, iter(rows))
    error = caught.value
    assert (error.row_number, error.row) == (place, bad)
    assert str(error).startswith(f"Row {place} can't be stored")
    assert (error.field, error.value) == (field, next(iter(bad.values())))
    assert f"field '{field}'" in str(error)
    assert Every.objects.count() == 0
    done = bulk_copy(Every, iter(rows), on_error="collect")
    assert (done.count, [each.row_number for each in done.errors]) == (7, [place])
    assert [n for (n,) in stored(Every, "number")] == [n for n in range(8) if n != place]


def test_what_is_there_already_or_twice() -> None:
    Shelf.objects.create(name="there")
    rows = [("a",), ("there",), ("b",), ("a",)]
    with pytest.raises(CopyError) as caught:
        bulk_copy(Shelf, rows, fields=["name"])
    assert (caught.value.row_number, caught.value.field) == (1, "name")
    done = bulk_copy(Shelf, rows, fields=["name"], on_error="collect")
    assert [each.row_number for each in done.errors] == [1, 3]
    assert [name for (name,) in stored(Shelf, "name")] == ["there", "a", "b"]


def test_null_where_there_must_be_something() -> None:
    with pytest.raises(CopyError) as caught:
        bulk_copy(Shelf, [("a", 1), ("b", None)], fields=["name", "books"])
    assert (caught.value.row_number, caught.value.field, caught.value.value) == (1, "books", None)


def test_many_bad_ones_are_left_out_exactly() -> None:
    rows = [(f"s{n}", "x" if n % 7 == 0 else n) for n in range(100)]
    seen: list[int] = []
    done = bulk_copy(
        Shelf, rows, fields=["name", "books"], on_error="collect", progress=seen.append
    )
    assert [each.row_number for each in done.errors] == list(range(0, 100, 7))
    assert [books for (books,) in stored(Shelf, "books")] == [n for n in range(100) if n % 7]
    assert seen == [100]
    assert done.errors[1].as_dict() == {
        "row_number": 7,
        "field": "books",
        "value": "'x'",
        "reason": "Field 'books' expected a number but got 'x'",
    }


def test_who_is_refused_by_the_database_stands_in_line_with_who_can_not_be_made_ready() -> None:
    rows = [("a", 1), ("a", 2), ("b", "x"), ("b", 3), ("a", 4), ("c", "y")]
    done = bulk_copy(Shelf, rows, fields=["name", "books"], on_error="collect")
    assert [each.row_number for each in done.errors] == [1, 2, 4, 5]
    assert stored(Shelf, "name", "books") == [("a", 1), ("b", 3)]


def test_conflicts_ignored() -> None:
    Shelf.objects.create(name="a", books=1)
    rows = [("a", 2), ("b", 3), ("b", 4)]
    done = bulk_copy(Shelf, rows, fields=["name", "books"], conflict="ignore")
    assert done.count == 1
    assert stored(Shelf, "name", "books") == [("a", 1), ("b", 3)]


def test_conflicts_that_change_what_is_there() -> None:
    Shelf.objects.create(name="a", books=1, room="attic")
    rows = [("a", 2), ("b", 3), ("b", 4)]
    conflict = Update(fields=["books"], unique=["name"])
    bulk_copy(Shelf, rows, fields=["name", "books"], conflict=conflict)
    assert stored(Shelf, "name", "books", "room") == [("a", 2, "attic"), ("b", 4, "hall")]
    with pytest.raises(CopyError) as caught:
        bulk_copy(Shelf, [("c", 1), ("a", None)], fields=["name", "books"], conflict=conflict)
    assert caught.value.row_number == 1
    assert Shelf.objects.count() == 2


def test_what_is_empty_in_a_csv() -> None:
    bulk_copy(Every, io.StringIO('number,text,shelf\n1,,\n,"a ""quoted"", b",\n'))
    assert stored(Every, "number", "text", "shelf_id") == [
        (1, "", None),
        (None, 'a "quoted", b', None),
    ]


@pytest.mark.parametrize(
    ("rows", "options", "says"),
    [
        ([("a",)], {}, "Nobody knows which fields of shelf.Shelf a tuple has"),
        ([("a",)], {"fields": ["nam"]}, r"has no field 'nam'\. Did you mean"),
        ([("a", "b")], {"fields": ["name", "name"]}, "is given twice"),
        ([("a",)], {"fields": ["name"], "on_error": "skip"}, "on_error='skip' is unknown"),
        ([("a",)], {"fields": ["name"], "returning": "all"}, "returning='all' is unknown"),
        ([("a",)], {"fields": ["name"], "conflict": "merge"}, "conflict='merge' is unknown"),
        ([Place(name="a")], {}, "Place is no Shelf"),
        (io.StringIO(""), {}, "The file is empty"),
        ([("a", 1)], {"fields": ["name"]}, r"Row 0 can't be stored: 2 values for 1 fields"),
        ([{"nam": "a"}], {}, r"Row 0 can't be stored: there is no field 'nam'"),
        ([("a",), 3], {"fields": ["name"]}, "Row 1 can't be stored: a int is no row"),
    ],
    ids=[
        *("no fields", "another field", "twice", "on_error", "returning", "conflict", "model"),
        *("empty file", "too many", "another key", "no row"),
    ],
)
def test_mistakes_are_told(rows: Any, options: dict[str, Any], says: str) -> None:
    with pytest.raises(DbError, match=says):
        bulk_copy(Shelf, rows, **options)
    assert not Shelf.objects.exists()


def test_nothing_is_nothing() -> None:
    done = bulk_copy(Shelf, [])
    assert (done.count, done.errors) == (0, [])


def test_it_is_counted_like_any_statement(store: Any) -> None:
    with count_queries() as queries:
        bulk_copy(Shelf, [("a",), ("b",)], fields=["name"])
    assert queries.total == 1 + ON_POSTGRES  # which keys are checked late
    with measured("import"):
        bulk_copy(Shelf, [("c",)], fields=["name"])
    assert snapshot()["routes"]["import"]["queries"]["sum"] == 1 + ON_POSTGRES


def test_no_text_becomes_sql_or_a_row_of_its_own() -> None:
    evil = [
        "'; DROP TABLE shelf_shelf; --",
        "\\.",
        "\\N",
        "a\tb\nc\rd\\t",
        "{0}",
        "%s",
        "$1",
        "\x1f",
    ]
    bulk_copy(Shelf, [(text[:20],) for text in evil], fields=["name"])
    assert [name for (name,) in stored(Shelf, "name")] == [text[:20] for text in evil]
    bulk_copy(Every, [{"odd": 3, "key": uuid.UUID(int=5)}])
    assert stored(Every, "odd", "key") == [(3, uuid.UUID(int=5))]


@pytest.mark.django_db(transaction=True)
def test_from_a_coroutine_and_an_asynchronous_generator() -> None:
    async def rows() -> Any:
        for n in range(2500):
            if n == 5:
                await Shelf.objects.aget_or_create(name="its own")
            yield (f"s{n}", n)

    async def load() -> Any:
        first = await abulk_copy(Shelf, rows(), fields=["name", "books"])
        second = await abulk_copy(Shelf, [{"name": "plain"}])
        return first.count, second.count

    assert async_to_sync(load)() == (2500, 1)
    assert Shelf.objects.filter(books=2499).exists()
    assert Shelf.objects.count() == 2502


def csv(tmp_path: Any, text: str) -> str:
    file = tmp_path / "shelves.csv"
    file.write_text(text, encoding="utf-8")
    return str(file)


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("unhurried", "copy", *words, stdout=out)
    return out.getvalue()


def test_the_command_loads_a_csv(tmp_path: Any) -> None:
    file = csv(tmp_path, "\ufeffname,books\na,1\nb,2\n")
    assert run("shelf.Shelf", file).startswith("2 rows in 0.")
    assert stored(Shelf, "name", "books") == [("a", 1), ("b", 2)]
    assert json.loads(run("shelf.Shelf", file, "--ignore", "--json"))["count"] == 0
    changed = csv(tmp_path, "a,7\n")
    run("shelf.Shelf", changed, "--fields", "name,books", "--update", "books", "--unique", "name")
    assert stored(Shelf, "name", "books") == [("a", 7), ("b", 2)]


def test_the_command_names_what_is_wrong(tmp_path: Any) -> None:
    file = csv(tmp_path, "name,books\na,1\nb,x\nc,3\n")
    with pytest.raises(CommandError, match="Row 1 can't be stored, field 'books' with 'x'"):
        run("shelf.Shelf", file)
    assert not Shelf.objects.exists()
    said = run("shelf.Shelf", file, "--collect")
    assert said.startswith("2 rows in ")
    assert "Row 1 can't be stored, field 'books' with 'x': Field 'books' expected a number" in said
    for words, says in (
        (["shelf.Nothing", file], "Nothing"),
        (["shelf.Shelf", "/no/such/file.csv"], "No such file"),
        (["shelf.Shelf", file, "--update", "books"], "go together"),
    ):
        with pytest.raises(CommandError, match=says):
            run(*words)


BAD_CSV: dict[str, tuple[bytes, str]] = {
    "a quote that is left open": (b'name\na\n"b\nc\nd\n', "from line 3 on: unexpected end of data"),
    "latin-1": ("name\ncaf\xe9\n".encode("latin-1"), "not all utf-8"),
    "utf-16": ("name\na\n".encode("utf-16"), "not all utf-8"),
    "nothing": (b"\n\n", "The file is empty"),
}


@pytest.mark.parametrize("what", BAD_CSV)
@pytest.mark.parametrize("options", [[], ["--collect", "--json"]], ids=["plain", "collect"])
def test_a_csv_that_can_not_be_read_says_where(
    what: str, options: list[str], tmp_path: Any
) -> None:
    text, says = BAD_CSV[what]
    (tmp_path / "bad.csv").write_bytes(text)
    with pytest.raises(CommandError, match=says):
        run("shelf.Shelf", str(tmp_path / "bad.csv"), *options)
    assert not Shelf.objects.exists()


def test_odd_csvs_are_read(tmp_path: Any) -> None:
    bulk_copy(Shelf, io.StringIO('\ufeff"name",books\na,1\n'))
    bulk_copy(Shelf, io.StringIO("\ufeffb,1\n"), fields=["name", "books"])
    bulk_copy(Shelf, io.StringIO("\n\nname,books\nc,1\n"))
    assert [name for (name,) in stored(Shelf, "name")] == ["a", "b", "c"]
    with pytest.raises(DbError, match="open for bytes"):
        bulk_copy(Shelf, io.BytesIO(b"name\nd\n"))
    long = "x" * 140_000
    with pytest.raises(DbError, match="field_size_limit"):
        bulk_copy(Every, io.StringIO(f"text\n{long}\n"))
    run("shelf.Every", csv(tmp_path, f"text\n{long}\n"))
    assert stored(Every, "text") == [(long,)]


def test_the_command_says_what_it_left_out_in_one_document(tmp_path: Any) -> None:
    file = csv(tmp_path, "number,shelf\n1,\nx,\n2,99\n")
    said = json.loads(run("shelf.Every", file, "--collect", "--json"))
    assert (said["count"], [e["row_number"] for e in said["errors"]]) == (1, [1, 2])


def test_how_far_it_is_on_a_terminal(tmp_path: Any) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = Terminal()
    call_command(
        *("unhurried", "copy", "shelf.Shelf", csv(tmp_path, "name\na\n")),
        stdout=io.StringIO(),
        stderr=terminal,
    )
    assert f"[{'#' * 30}] 100% 1 rows" in terminal.getvalue()


class Suit(models.TextChoices):
    CLUBS = "clubs"


ODD = {
    "not a number": {"a": float("nan")},
    "infinity": {"a": float("inf")},
    "a large integer": {"a": 2**70},
    "keys that are no text": {1: "a", None: 2, 2.5: 3},
    "a choice": {"a": Suit.CLUBS},
    "null in a text": {"a": "null", "b": 1.5},
    "floats": {"a": 1e16, "b": 5e-324, "c": 0.1, "d": -0.0, "e": 1e22, "f": 123456789.123},
    "escapes": {"a": 'é"\\\n\t\x01\x7f\u2028', "\\": "\\u0041"},
    "a lone surrogate": {"a": "\ud800"},
    "a decimal": {"a": Decimal(1)},
    "a moment": {"a": datetime.datetime(2026, 1, 1)},
    "a uuid": {"a": uuid.UUID(int=1)},
    "bytes": {"a": b"x"},
    "a set": {"a": {1}},
    "a dataclass": {"a": CopyError},
    "nothing": {},
}


@pytest.mark.parametrize("what", ODD)
def test_odd_json_is_stored_or_refused_as_by_bulk_create(what: str) -> None:
    """Whoever encodes it: msgspec takes more than the standard library, and another NaN."""

    def outcome(store: Any) -> Any:
        try:
            with transaction.atomic():
                store()
                with connection.cursor() as cursor:
                    cursor.execute("SELECT data FROM shelf_every")
                    found = cursor.fetchone()
                transaction.set_rollback(True)
        except (DatabaseError, TypeError, ValueError, CopyError):
            return "refused"
        return found

    theirs = outcome(lambda: Every.objects.bulk_create([Every(data=ODD[what])]))
    assert outcome(lambda: bulk_copy(Every, [{"data": ODD[what]}])) == theirs


def test_bad_ones_in_later_parts_are_named_exactly(shelves: list[Shelf]) -> None:
    """Rows are sent 500 at a time, kept 5000 at a time: each kind of error, in each of them."""
    bad = {499: "x", 500: "y", 777: 99999, 1203: "z", 5000: "u", 6001: 99998}
    rows = [(n, bad.get(n, shelves[0].pk)) for n in range(6002)]
    done = bulk_copy(Every, iter(rows), fields=["number", "shelf"], on_error="collect")
    assert {each.row_number: each.value for each in done.errors} == bad
    assert [n for (n,) in stored(Every, "number")] == [n for n in range(6002) if n not in bad]
    later = [row for row in rows if row[1] not in ("x", "y", "z", "u")]
    with pytest.raises(CopyError, match="Row 775 ") as caught:
        bulk_copy(Every, later, fields=["number", "shelf"])
    assert caught.value.row == (777, 99999)


def test_a_check_of_the_models_own_names_its_field_if_it_has_one() -> None:
    rows = [(1, 2), (101, 200), (3, 4), (5, 4)]
    done = bulk_copy(Checked, rows, fields=["low", "high"], on_error="collect")
    assert [(each.row_number, each.field, each.value) for each in done.errors] == [
        (1, "low", 101),
        (3, None, None),
    ]
    assert "low_is_low" in done.errors[0].reason
    assert "in_order" in done.errors[1].reason


@pytest.mark.skipif(ON_POSTGRES, reason="there a sequence knows of no key that is given")
@pytest.mark.parametrize("returning", ["count", "pks"])
def test_a_key_that_is_given_wins_over_one_that_is_found(returning: Any) -> None:
    """As with ``bulk_create``, which stores those that have one first."""
    Shelf.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM sqlite_sequence")
    bulk_copy(Shelf, [Shelf(name="a"), Shelf(pk=1, name="b")], returning=returning)
    assert [*Shelf.objects.order_by("pk").values_list("pk", "name")] == [(1, "b"), (2, "a")]
