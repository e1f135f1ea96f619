"""Trees, keys of all types, whose fault an error is, and which of two rows counts."""

from __future__ import annotations

import datetime
import pickle
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    ProgrammingError,
    connection,
)
from django.test.utils import isolate_apps

from unhurried.cache import CacheError, WriteRefused
from unhurried.db import CopyError, DbError, Update, bulk_copy
from unhurried.db._copy._faults import is_of_a_row
from unhurried.measure import StoreError

from .shelf.models import Cafe, Day, Edition, Every, Fee, Moment, Place, Seat, Shelf, Shift, Tree

pytestmark = pytest.mark.django_db
ON_POSTGRES = connection.vendor == "postgresql"


def parents() -> dict[str, str | None]:
    return dict(Tree.objects.order_by("pk").values_list("name", "parent__name"))


def test_a_tree_of_each_kind_of_rows() -> None:
    root = Tree.objects.create(name="root")
    bulk_copy(Tree, [{"name": "a"}, {"name": "b", "parent": root}, {"name": "c", "parent": None}])
    bulk_copy(Tree, [("d", root), ("e", root.pk)], fields=["name", "parent"])
    bulk_copy(Tree, [Tree(name="f"), Tree(name="g", parent=root)])
    wanted = {"root": None, "a": None, "b": "root", "c": None, "d": "root", "e": "root"}
    assert parents() == wanted | {"f": None, "g": "root"}


@pytest.mark.parametrize("conflict", [None, "ignore"])
def test_who_refers_to_none_is_left_out_and_who_refers_to_them(conflict: Any) -> None:
    rows = [  # keys that no sequence gives
        {"id": 9001, "name": "root"},
        {"id": 9002, "name": "lost", "parent": 9999},
        {"id": 9003, "name": "lost with it", "parent": 9002},
        {"id": 9004, "name": "leaf", "parent": 9001},
        {"id": 9005, "name": "lost too", "parent_id": 9999},
    ]
    done = bulk_copy(Tree, rows, on_error="collect", conflict=conflict)
    assert done.count == 2
    assert [(e.row_number, e.field, e.value) for e in done.errors] == [
        (1, "parent", 9999),
        (2, "parent", 9002),
        (4, "parent", 9999),
    ]
    assert done.errors[1].row == rows[2]
    assert parents() == {"root": None, "leaf": "root"}
    again = bulk_copy(
        Tree,
        iter([("x", 9001), ("y", 9998)]),
        fields=["name", "parent"],
        on_error="collect",
        returning="pks" if conflict is None else "count",
        conflict=conflict,
    )
    assert (again.count, [e.row for e in again.errors]) == (1, [None])
    assert again.pks in (None, [Tree.objects.get(name="x").pk])


def test_rows_that_were_there_are_not_taken_back() -> None:
    bulk_copy(Tree, [(1, "root", None)], fields=["id", "name", "parent"])
    with pytest.raises(CopyError, match="Row 0 can't be stored, field 'parent' with 99"):
        bulk_copy(
            Tree,
            [(1, "root", 99)],
            fields=["id", "name", "parent"],
            conflict=Update(["parent"], ["id"]),
            on_error="collect",
        )
    assert parents() == {"root": None}


@isolate_apps("tests.db.shelf")
def test_an_instance_of_another_model_is_refused() -> None:
    place, shelf = Place.objects.create(name="a"), Shelf.objects.create(name="b")
    for rows in ([{"shelf": place}], [Every(number=1), {"shelf": place}]):
        with pytest.raises(CopyError, match="field 'shelf' with <Place: a>: Place is no Shelf"):
            bulk_copy(Every, rows)
    with pytest.raises(CopyError, match="shelf is not saved yet"):
        bulk_copy(Every, [{"shelf": Shelf(name="new")}])

    class Proxy(Shelf):
        class Meta:
            app_label = "shelf"
            proxy = True

    bulk_copy(Every, [{"shelf": shelf}, {"shelf": Proxy.objects.get()}])
    assert list(Every.objects.values_list("shelf", flat=True)) == [shelf.pk, shelf.pk]


DAY = datetime.date(2026, 3, 1)
MOMENT = datetime.datetime(2026, 3, 1, 12, 30, 1, 5, tzinfo=datetime.UTC)
FEE = Decimal("0.10")


def test_keys_of_other_types() -> None:
    Day.objects.create(day=DAY)
    Moment.objects.create(at=MOMENT)
    Fee.objects.create(amount=FEE)
    rows = [(DAY, MOMENT, FEE), (None, None, None), ("2026-03-01", MOMENT, "0.1")]
    fields = ["day", "moment", "fee"]
    assert bulk_copy(Shift, rows, fields=fields).count == 3
    assert Shift.objects.filter(day__day=DAY, moment__at=MOMENT, fee__amount=FEE).count() == 2
    bad = [rows[0], (DAY, MOMENT, "0.2"), (datetime.date(2026, 3, 2), None, None)]
    done = bulk_copy(Shift, bad, fields=fields, on_error="collect")
    assert [(e.row_number, e.field) for e in done.errors] == [(1, "fee"), (2, "day")]


def test_the_last_one_counts_whatever_rows_leave_out() -> None:
    conflict = Update(["title"], ["isbn"])
    for rows in (
        [{"isbn": 1, "title": "old"}, {"isbn": 1, "title": "new", "copies": 3}],
        [{"isbn": 1, "title": "old", "copies": 3}, {"isbn": 1, "title": "new"}],
        [Edition(isbn=1, title="old"), Edition(id=77, isbn=1, title="new")],
    ):
        Edition.objects.all().delete()
        bulk_copy(Edition, rows, conflict=conflict)
        assert Edition.objects.get().title == "new"
    Edition.objects.all().delete()
    rows = [{"isbn": 1, "title": "first"}, {"isbn": 1, "title": "second", "copies": 3}]
    bulk_copy(Edition, rows, conflict="ignore")
    assert Edition.objects.get().title == "first"


def test_a_key_of_two_columns() -> None:
    done = bulk_copy(Seat, [(1, "a"), (1, "b")], fields=["row", "letter"], returning="pks")
    assert done.pks == [(1, "a"), (1, "b")]
    with pytest.raises(CopyError) as caught:
        bulk_copy(Seat, [(2, "a"), (1, "b")], fields=["row", "letter"])
    assert (caught.value.row_number, caught.value.field) == (1, None)


@pytest.mark.parametrize("on_error", ["raise", "collect"])
@pytest.mark.parametrize("conflict", [None, "ignore"])
def test_a_table_that_is_not_there(
    on_error: Any, conflict: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cafe._meta, "db_table", "nowhere")
    with pytest.raises((OperationalError, ProgrammingError), match="nowhere"):
        bulk_copy(Cafe, [("a",)], fields=["name"], on_error=on_error)
    monkeypatch.setattr(Shelf._meta, "db_table", "nowhere")
    with pytest.raises((OperationalError, ProgrammingError), match="nowhere"):
        bulk_copy(Shelf, [("a",)], fields=["name"], on_error=on_error, conflict=conflict)


@pytest.mark.parametrize("on_error", ["raise", "collect"])
def test_what_nothing_makes_unique(on_error: Any) -> None:
    conflict = Update(["books"], ["room"])
    with pytest.raises((OperationalError, ProgrammingError), match="ON CONFLICT"):
        bulk_copy(Shelf, [("a",)], fields=["name"], on_error=on_error, conflict=conflict)


@pytest.mark.parametrize("at", ["SAVEPOINT", "INSERT"])
@pytest.mark.skipif(ON_POSTGRES, reason="there COPY is no statement of a cursor")
def test_a_locked_database_is_no_rows_fault(at: str) -> None:
    def locked(execute: Any, sql: str, *args: Any) -> Any:
        if sql.startswith(at):
            raise OperationalError("database is locked")
        return execute(sql, *args)

    with connection.execute_wrapper(locked), pytest.raises(OperationalError, match="locked"):
        bulk_copy(Shelf, [("a",)], fields=["name"], on_error="collect")


@pytest.mark.skipif(not ON_POSTGRES, reason="there is no server")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("after", [2, 5000])
def test_a_server_that_goes_away_is_no_rows_fault(after: int) -> None:
    def rows() -> Iterator[tuple[str]]:
        for n in range(5002):
            if n == after:
                other: Any = connection.copy()  # type: ignore[no-untyped-call]
                with other.cursor() as cursor:
                    pid = connection.connection.info.backend_pid
                    cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
                other.close()
            yield (f"s{n}",)

    with pytest.raises((OperationalError, InterfaceError)):
        bulk_copy(Shelf, rows(), fields=["name"], on_error="collect")
    connection.close()
    assert not Shelf.objects.exists()


def of(kind: type[Exception], sqlstate: str) -> Exception:
    error: Any = kind(f"with {sqlstate}")
    error.diag = type("Diagnosis", (), {"sqlstate": sqlstate})
    return error


@pytest.mark.parametrize(
    ("error", "wanted"),
    [
        (IntegrityError("UNIQUE"), True),
        (DataError("too long"), True),
        (DatabaseError("who knows"), True),
        (OverflowError(), True),
        (of(OperationalError, "54000"), True),
        (of(ProgrammingError, "P0001"), True),
        (of(ProgrammingError, "44000"), True),
        (ProgrammingError("Error binding parameter 1: type 'object' is not supported"), True),
        (OperationalError("user-defined function raised exception"), True),
        (OperationalError("database is locked"), False),
        (OperationalError("the connection is lost"), False),
        (of(OperationalError, "57014"), False),
        (of(OperationalError, "55P03"), False),
        (of(OperationalError, "40001"), False),
        (of(ProgrammingError, "42P01"), False),
        (of(InternalError, "25006"), False),
    ],
    ids=repr,
)
def test_whose_fault_it_is(error: Exception, wanted: bool) -> None:
    assert is_of_a_row(error) is wanted


def test_errors_go_through_a_pool_of_processes() -> None:
    done = bulk_copy(Every, [{"number": "x"}, {"shelf": 99}], on_error="collect")
    errors = [*done.errors, DbError("What is wrong.", "The way out.")]
    errors += [CacheError("a", "b"), WriteRefused("default", OSError("gone")), StoreError("a", "b")]
    for error in errors:
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), str(again), again.hint) == (type(error), str(error), error.hint)
    again = pickle.loads(pickle.dumps(done)).errors[1]
    assert (again.row_number, again.field, again.value) == (1, "shelf", 99)
    assert again.as_dict() == done.errors[1].as_dict()
