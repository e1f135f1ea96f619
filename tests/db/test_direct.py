"""Statements that go without Django's cursors: who gets one all the same, and that all is the same.

On SQLite here, on PostgreSQL by ``tests/services/test_db_postgres.py``.
"""

from __future__ import annotations

import datetime
import functools
import importlib
import threading
import uuid
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.exceptions import SynchronousOnlyOperation
from django.db import DatabaseError, DataError, IntegrityError, connection, connections, transaction
from django.db import Error as DjangosError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.db.transaction import TransactionManagementError
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.shelf.models import Every, Shelf
from tests.db.test_reads_edges import Data
from unhurried.cache._units._ties import ties_of
from unhurried.db import _direct, compiled, instances, rows
from unhurried.db._direct._own import is_own
from unhurried.measure import measured
from unhurried.measure.reading import current
from unhurried.queries import count_queries
from unhurried.testing import override

pytestmark = pytest.mark.django_db

own: Any = connections["default"]  # what the proxy stands for
by_books = compiled(lambda n: Shelf.objects.filter(books=n).order_by("pk"))
move = compiled(lambda n, room: Shelf.objects.filter(books=n).update(room=room))
rename = compiled(lambda n, name: Shelf.objects.filter(books=n).update(name=name))


@pytest.fixture
def shelves() -> list[Shelf]:
    return [Shelf.objects.create(name=f"shelf {n}", books=n) for n in range(3)]


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that went without a cursor."""
    texts: list[str] = []

    def noting(make: Any) -> Any:
        def way(connection: Any, sql: str) -> Any:
            made = make(connection, sql)
            if made is not None:
                texts.append(sql)
            return made

        return way

    ways = {vendor: noting(make) for vendor, make in _direct.WAYS.items()}
    monkeypatch.setattr(_direct, "WAYS", ways)
    return texts


def forbid_cursors(patch: pytest.MonkeyPatch) -> None:
    """Without a method in the place of Django's: who has put one there gets cursors."""

    def forbidden(self: Any, name: Any = None) -> Any:
        raise AssertionError("a cursor")

    patch.setattr(BaseDatabaseWrapper._cursor, "__code__", forbidden.__code__)


READS: dict[str, Callable[[], Any]] = {
    "compiled": lambda: by_books(1)[:],
    "instances": lambda: instances(Shelf.objects.filter(books=1))[:],
    "rows": lambda: [each.books for each in rows(Shelf.objects.filter(books=1), Data)],
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_a_read_makes_no_cursor(
    read: Any, shelves: Any, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = read()
    sent.clear()
    forbid_cursors(monkeypatch)
    assert read() == found != []
    assert len(sent) == 1


def test_an_update_makes_no_cursor(
    shelves: Any, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert move(1, "loft") == 1
    sent.clear()
    with override(STRICT=False), monkeypatch.context() as patch:
        forbid_cursors(patch)
        assert (move(2, 'it\'s %s \\ "x"'), move(77, "loft")) == (1, 0)
    assert len(sent) == 2
    assert [each.room for each in Shelf.objects.order_by("pk")] == [
        *("hall", "loft", 'it\'s %s \\ "x"')
    ]


def test_in_parts(sent: list[str]) -> None:
    Shelf.objects.bulk_create(Shelf(name=str(n)) for n in range(7))
    found = _direct.answered(own, "SELECT name FROM shelf_shelf ORDER BY id", ())
    assert found is not None
    assert [len(part) for part in found.parts(3)] == [3, 3, 1]


def test_other_wrappers_and_the_log_and_observers_get_a_cursor(
    shelves: Any, sent: list[str]
) -> None:
    seen: list[Any] = []

    def wrapper(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        seen.append(context["cursor"].cursor)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(wrapper):
        assert by_books(1).get() == shelves[1]
    assert len(seen) == 1
    with CaptureQueriesContext(connection) as queries:
        assert by_books(1).get() == shelves[1]
    assert len(queries) == 1
    with count_queries() as counted:
        assert by_books(1).get() == shelves[1]
        assert move(1, "loft") == 1
    assert counted.total == 2
    assert sent == []


def by_class(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    """As Sentry does."""
    execute = CursorWrapper.execute

    @functools.wraps(execute)
    def noting(self: Any, sql: Any, params: Any = None) -> Any:
        seen.append(sql)
        return execute(self, sql, params)

    patch.setattr(CursorWrapper, "execute", noting)


def by_instance(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    """As the debug toolbar does."""
    cursor = own.cursor

    def noting(*args: Any) -> Any:
        seen.append("a cursor")
        return cursor(*args)

    patch.setitem(vars(own), "cursor", noting)


def by_maker(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    make = own.make_cursor

    def noting(driver: Any) -> Any:
        seen.append("a cursor")
        return make(driver)

    patch.setitem(vars(own), "make_cursor", noting)


def by_backend(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    """As django-prometheus does."""

    class Mine(type(own)):  # type: ignore[misc]
        def create_cursor(self, name: Any = None) -> Any:
            seen.append("a cursor")
            return super().create_cursor(name)

    patch.setattr(own, "__class__", Mine)


def by_tenants_backend(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    """As django-tenants does, to say which schema it is."""

    class Mine(type(own)):  # type: ignore[misc]
        def _cursor(self, name: Any = None) -> Any:
            seen.append("a cursor")
            return super()._cursor(name)

    patch.setattr(own, "__class__", Mine)


def by_wrapping_backend(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    class Mine(type(own)):  # type: ignore[misc]
        def _prepare_cursor(self, cursor: Any) -> Any:
            seen.append("a cursor")
            return super()._prepare_cursor(cursor)

    patch.setattr(own, "__class__", Mine)


def by_connecting_backend(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    class Mine(type(own)):  # type: ignore[misc]
        def ensure_connection(self) -> None:
            seen.append("a cursor")
            super().ensure_connection()

    patch.setattr(own, "__class__", Mine)


def by_base_class(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    cursor = BaseDatabaseWrapper._cursor

    def noting(self: Any, name: Any = None) -> Any:
        seen.append("a cursor")
        return cursor(self, name)

    patch.setattr(BaseDatabaseWrapper, "_cursor", noting)


def by_blocker(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    """As pytest-django does where a test has not asked for the database."""
    ensure = BaseDatabaseWrapper.ensure_connection

    def noting(self: Any) -> None:
        seen.append("a cursor")
        ensure(self)

    patch.setattr(BaseDatabaseWrapper, "ensure_connection", noting)


def by_driver(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    """As tracers do: a proxy that says it is what it stands for."""

    class Traced:
        def __init__(self, driver: Any) -> None:
            vars(self)["driver"] = driver

        @property
        def __class__(self) -> Any:  # type: ignore[override]
            return type(self.driver)

        def __getattr__(self, name: str) -> Any:
            if name == "cursor":
                seen.append("a cursor")
            return getattr(vars(self)["driver"], name)

    patch.setattr(own, "connection", Traced(own.connection))


def by_driver_s_class(seen: list[str], patch: pytest.MonkeyPatch) -> None:
    if own.vendor == "sqlite":
        kind = importlib.import_module("django.db.backends.sqlite3.base").SQLiteCursorWrapper
    else:
        kind = importlib.import_module("psycopg").Cursor
    execute = kind.execute

    @functools.wraps(execute)
    def noting(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("a statement")
        return execute(self, *args, **kwargs)

    patch.setattr(kind, "execute", noting)


@pytest.mark.parametrize(
    "look",
    [
        *(by_class, by_instance, by_maker, by_backend, by_tenants_backend, by_wrapping_backend),
        *(by_connecting_backend, by_base_class, by_blocker, by_driver, by_driver_s_class),
    ],
)
def test_who_stands_in_the_place_of_a_method_gets_a_cursor(
    look: Any, shelves: Any, sent: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    assert (by_books(1).get(), move(77, "loft")) == (shelves[1], 0)
    sent.clear()
    with override(STRICT=False), monkeypatch.context() as patch:
        look(seen, patch)
        assert by_books(1).get() == shelves[1]
        assert len(seen) == 1
        assert move(1, "loft") == 1
        assert len(seen) == 2
    assert sent == []
    assert by_books(1).get() == shelves[1]
    assert len(sent) == 1


def test_what_was_there_before_us_is_seen_too() -> None:
    @functools.wraps(CursorWrapper.execute)
    def noting(*args: Any) -> None: ...

    assert is_own(CursorWrapper.execute, "django")
    assert not is_own(noting, "django")
    assert not is_own(functools.partial(CursorWrapper.execute), "django")


def test_marks_of_other_kinds_are_the_cursor_s_business(shelves: Any, sent: list[str]) -> None:
    """``%%`` is a percent sign; psycopg refuses what Python would fill in."""
    odd = compiled(
        lambda n: Shelf.objects.annotate(rest=RawSQL("books %% 2", ())).filter(books=n, rest=n)
    )
    assert odd(1).get().rest == 1
    assert len(sent) == 1
    if connection.vendor == "postgresql":
        assert _direct.answered(own, "SELECT 7 %d 2", ()) is None


@pytest.mark.django_db(transaction=True)
def test_the_first_statement_of_a_transaction(sent: list[str]) -> None:
    """psycopg says BEGIN before it."""
    shelf = Shelf.objects.create(name="one", books=1)
    assert by_books(1).get() == shelf
    with transaction.atomic():
        assert move(1, "loft") == 1
        assert by_books(1).get().room == "loft"
        transaction.set_rollback(True)
    assert by_books(1).get().room == "hall"
    assert len(sent) == (3 if connection.vendor == "postgresql" else 4)


@pytest.mark.django_db(transaction=True)
def test_a_connection_that_is_not_open_yet(sent: list[str]) -> None:
    Shelf.objects.create(name="one", books=1)
    if connection.vendor == "postgresql":
        connection.close()
        assert len(by_books(1)) == 1
        assert sent == []
        assert len(by_books(1)) == 1
    connection.health_check_enabled, connection.health_check_done = True, False
    try:
        before = len(sent)
        assert len(by_books(1)) == 1
        assert len(sent) == before
        assert len(by_books(1)) == 1
        assert len(sent) == before + 1
    finally:
        connection.health_check_enabled = False


def failure(act: Callable[[], Any]) -> Exception:
    with pytest.raises(DatabaseError) as caught, transaction.atomic():
        act()
    return caught.value


def test_an_error_is_django_s_and_says_the_same(shelves: Any, sent: list[str]) -> None:
    ours = failure(lambda: rename(2, "shelf 1"))
    theirs = failure(lambda: Shelf.objects.filter(books=2).update(name="shelf 1"))
    assert type(ours) is type(theirs) is IntegrityError
    assert (type(ours.__cause__), str(ours)) == (type(theirs.__cause__), str(theirs))
    ours = failure(lambda: _direct.answered(own, "SELECT nothing", ()))
    theirs = failure(lambda: connection.cursor().execute("SELECT nothing", ()))
    assert (type(ours), str(ours)) == (type(theirs), str(theirs))
    assert len(sent) == 2


def test_a_driver_that_is_closed_already() -> None:
    other = own.copy()
    other.connect()
    other.connection.close()
    if other.vendor == "postgresql":
        assert _direct.answered(other, "SELECT 1", ()) is None
    else:
        with pytest.raises(DjangosError, match="closed"):
            _direct.answered(other, "SELECT 1", ())
    other.close()


def test_an_error_that_somebody_keeps_keeps_no_cursor(shelves: Any) -> None:
    """On SQLite one that is open may keep a snapshot, so that nothing could be cached."""
    before = len(ties_of(connection).cursors)
    what = "abs(-9223372036854775808)" if connection.vendor == "sqlite" else "1 / (books - 1)"
    sql = f"SELECT {what} FROM shelf_shelf"
    error = failure(lambda: _direct.answered(own, sql, ()))
    assert error.__traceback__ is not None
    assert len(ties_of(connection).cursors) == before


def test_a_broken_transaction_says_so(shelves: Any, sent: list[str]) -> None:
    assert by_books(1).get() == shelves[1]
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            rename(2, "shelf 1")
        assert connection.needs_rollback
        with pytest.raises(TransactionManagementError, match="An error occurred"):
            by_books(1).get()
        transaction.set_rollback(True)


@pytest.mark.django_db(transaction=True)
def test_in_a_coroutine_django_says_no(sent: list[str]) -> None:
    Shelf.objects.create(name="one", books=1)
    found = by_books(1)

    async def ask() -> None:
        with pytest.raises(SynchronousOnlyOperation):
            found.get()

    async_to_sync(ask)()
    assert sent == []


def test_another_thread_may_not_use_the_connection(shelves: Any, sent: list[str]) -> None:
    shared, errors = own, []
    was = shared.allow_thread_sharing

    def ask() -> None:
        try:
            _direct.answered(shared, "SELECT 1", ())
        except DatabaseError as error:
            errors.append(str(error))

    for _ in range(was):
        shared.dec_thread_sharing()
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        thread.join()
    finally:
        for _ in range(was):
            shared.inc_thread_sharing()
    [said] = errors
    assert "thread" in said


def test_it_is_measured_as_any_other(shelves: Any, sent: list[str]) -> None:
    """Under the text that Django's own has, with the rows' time where fetching is the work."""
    with measured("direct"):
        record = current.get()
        assert record is not None
        assert by_books(1).get() == shelves[1]
        assert list(Shelf.objects.filter(books=1).order_by("pk")) == [shelves[1]]
        assert move(1, "loft") == 1
        counts = [(seen.count, seen.ns > 0) for seen in record.statements.values()]
        fetched = [seen.fetch > 0 for seen in record.statements.values()]
    assert record.queries == 3
    assert counts == [(2, True), (1, True)]
    assert fetched[0] is (connection.vendor == "sqlite")
    assert len(sent) == 2


def test_a_failure_is_measured(shelves: Any) -> None:
    with measured("direct"):
        record = current.get()
        assert record is not None
        failure(lambda: rename(2, "shelf 1"))
        failed = [seen.failed for sql, seen in record.statements.items() if "UPDATE" in sql]
    assert failed == [1]


def test_once_the_values_alone_are_bound_what_shapes_is_still_seen(shelves: Any) -> None:
    handle = compiled(
        lambda n, least: Shelf.objects.filter(books=n) if least is None else least_of(n, least)
    )

    def least_of(n: Any, least: Any) -> QuerySet[Shelf]:
        return Shelf.objects.filter(books=n, books__gte=least)

    assert handle(1, 0).get() == handle(1, 0).get() == shelves[1]
    assert handle(1, None).get() == shelves[1]
    assert handle(1, 2)[:] == []
    assert handle(10**30, 0)[:] == []  # no integer of this column: Django knows without asking
    assert handle("1", 0).get() == shelves[1]
    sliced = compiled(lambda n: Shelf.objects.order_by("pk")[:n])
    assert [len(sliced(n)) for n in (1, 2, 1)] == [1, 2, 1]


def test_a_field_of_somebody_s_own_prepares_integers_too() -> None:
    """A quick way past ``get_prep_value`` is for Django's own fields alone."""
    Every.objects.create(shout="HEY", number=3)
    handle = compiled(lambda word: Every.objects.filter(shout=word))
    for word in ("hey", "Hey", "HEY"):
        assert handle(word).get().number == 3


FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "number": st.integers(-(2**31), 2**31 - 1),
    "big": st.integers(-(2**63), 2**63 - 1),
    "text": st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])),
    "char": st.sampled_from(["%s", "%%", "'", "\\'", "\\", "$1", "?", ":a", '"', "\n", "--", "é"]),
    "ratio": st.floats(allow_nan=False, allow_infinity=False),
    "price": st.decimals(-(10**8), 10**8, places=3),
    "moment": st.datetimes(
        datetime.datetime(1, 1, 3),
        datetime.datetime(9999, 12, 29),
        timezones=st.just(datetime.UTC),
    ),
    "day": st.dates(),
    "hour": st.times(),
    "took": st.timedeltas(datetime.timedelta(days=-999), datetime.timedelta(days=999)),
    "key": st.uuids(),
    "raw": st.binary(),
}


@pytest.fixture
def row(transactional_db: None) -> Iterator[Every]:
    made = Every.objects.create()
    yield made
    made.delete()


@pytest.mark.parametrize("field", FIELDS)
def test_any_value_arrives_and_is_found(field: str, row: Every, sent: list[str]) -> None:
    """Bound as a new value, and in a filter; read as Django reads it."""
    change = compiled(lambda pk, value: Every.objects.filter(pk=pk).update(**{field: value}))
    find = compiled(lambda value: Every.objects.filter(**{field: value}))

    @settings(
        deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(FIELDS[field])
    def each(value: Any) -> None:
        assert change(row.pk, value) == 1
        stored = getattr(Every.objects.get(pk=row.pk), field)
        assert stored == value
        found = getattr(find(value).get(), field)
        assert (type(found), found) == (type(stored), stored)

    each()
    assert len(sent) > 20


def test_a_value_that_is_none_of_the_column_s_raises_as_it_does(row: Every) -> None:
    change = compiled(lambda pk, value: Every.objects.filter(pk=pk).update(text=value))
    assert change(row.pk, "fine") == change(row.pk, "as well") == 1
    if connection.vendor == "postgresql":
        for act in (
            lambda: change(row.pk, "a\0b"),
            lambda: Every.objects.filter(pk=row.pk).update(text="a\0b"),
        ):
            with pytest.raises(DataError, match="NUL"):
                act()
    for value in (Decimal("NaN"), uuid.UUID(int=7), 7):
        assert change(row.pk, value) == Every.objects.filter(pk=row.pk).update(text=value)
