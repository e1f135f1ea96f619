"""What only psycopg has, of statements without cursors; run by ``test_db_postgres.py``.

The other half, which is for each database, is ``tests/db/test_direct.py``.
"""

from __future__ import annotations

import datetime
import gc
import json
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import psycopg
import pytest
from django.db import OperationalError, connection, connections
from django.db.models import F
from django.test import override_settings
from psycopg.adapt import Dumper
from psycopg.types.string import TextLoader

from tests.db.shelf.models import Every, Shelf
from unhurried.db import (
    _direct,
    bulk_copy,
    compiled,
    instances,
    json_bytes,
    rows,
    update_now,
)

pytestmark = pytest.mark.django_db(transaction=True)
NOON = datetime.datetime(2026, 3, 1, 12, 0, 0, 5, tzinfo=datetime.UTC)

own: Any = connections["default"]  # what the proxy stands for
by_books = compiled(lambda n: Shelf.objects.filter(books=n))


@pytest.fixture(autouse=True)
def opened() -> Iterator[None]:
    """A connection of its own for each test: what it sets goes with it."""
    Shelf.objects.create(name="one", books=1)
    yield
    connection.close()


def direct(sql: str, *params: Any) -> list[Any]:
    found = _direct.answered(own, sql, params)
    assert found is not None, "it needs a cursor"
    return [row for part in found.parts(100) for row in part]


def needs_a_cursor(sql: str = "SELECT 1") -> bool:
    return _direct.answered(own, sql, ()) is None


def by_django(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def driver() -> Any:
    connection.ensure_connection()
    return connection.connection


def test_it_can_be_interrupted_and_the_connection_stays() -> None:
    driver()
    began = time.monotonic()
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        direct("SELECT pg_sleep(%s)", 30)
    timer.join()
    assert time.monotonic() - began < 15
    assert direct("SELECT %s", 7) == [(7,)]


def failure(act: Callable[[], Any]) -> Any:
    with pytest.raises(OperationalError) as caught:
        act()
    return caught.value


@pytest.fixture
def tenants(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The backend says before each statement which schema it is for, as django-tenants does."""

    class Tenants(type(own)):  # type: ignore[misc]
        schema = "public"

        def _cursor(self, name: Any = None) -> Any:
            with super()._cursor() as first:
                first.execute(f"SET search_path = {self.schema}, public")
            return super()._cursor(name)

    with connection.cursor() as cursor:
        for schema in ("left_", "right_"):
            cursor.execute(
                f"CREATE SCHEMA {schema}; CREATE TABLE {schema}.shelf_shelf "
                "(LIKE shelf_shelf INCLUDING ALL)"
            )
    try:
        with monkeypatch.context() as patch:
            patch.setattr(own, "__class__", Tenants)
            for own.schema in ("left_", "right_"):
                Shelf.objects.create(name=f"of {own.schema}", books=2)
            yield own
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA left_ CASCADE; DROP SCHEMA right_ CASCADE")


by_two = compiled(lambda n: Shelf.objects.filter(books=n))
move = compiled(lambda n, room: Shelf.objects.filter(books=n).update(room=room))
READS: dict[str, Callable[[], Any]] = {
    "instances": lambda: instances(Shelf.objects.all()).get().name,
    "iterator": lambda: next(instances(Shelf.objects.all()).iterator()).name,
    "rows": lambda: rows(Shelf.objects.all(), Named).get().name,
    "json_bytes": lambda: json.loads(json_bytes(Shelf.objects.all()))[0]["name"],
    "compiled": lambda: by_two(2).get().name,
}


class Named(NamedTuple):
    name: str


@pytest.mark.parametrize("read", READS)
def test_each_tenant_reads_its_own_rows(read: str, tenants: Any) -> None:
    for tenants.schema in ("left_", "right_"):
        assert READS[read]() == f"of {tenants.schema}"
    Shelf.objects.count()
    tenants.schema = "left_"  # the last cursor was the other's
    assert READS[read]() == "of left_"


def test_each_tenant_writes_its_own_rows(tenants: Any) -> None:
    for tenants.schema in ("left_", "right_"):
        assert move(2, f"room of {tenants.schema}") == 1
        update_now(Shelf.objects.get(), books=3)
        update_now(Shelf.objects.get(), books=F("books") + 1)
        assert bulk_copy(Shelf, [("new",)], fields=["name"]).count == 1
    for tenants.schema in ("left_", "right_"):
        told = list(Shelf.objects.order_by("pk").values_list("name", "room", "books"))
        assert told == [
            (f"of {tenants.schema}", f"room of {tenants.schema}", 4),
            ("new", "hall", 0),
        ]


def test_a_statement_s_timeout() -> None:
    by_django("SELECT set_config('statement_timeout', '100', false)")
    ours = failure(lambda: direct("SELECT pg_sleep(%s)", 30))
    theirs = failure(lambda: by_django("SELECT pg_sleep(%s)", 30))
    assert (type(ours.__cause__), str(ours)) == (type(theirs.__cause__), str(theirs))
    assert type(ours.__cause__) is psycopg.errors.QueryCanceled
    assert direct("SELECT 7") == [(7,)]


def test_a_server_that_hangs_up(postgres: Callable[[str], Any]) -> None:
    pid = driver().info.backend_pid
    postgres(f"SELECT pg_terminate_backend({pid})")
    error = failure(lambda: direct("SELECT 7"))
    assert isinstance(error.__cause__, psycopg.OperationalError)
    assert connection.errors_occurred
    connection.close_if_unusable_or_obsolete()
    assert by_books(1).get().name == "one"


@pytest.fixture
def postgres() -> Iterator[Callable[[str], Any]]:
    """Another client of the same server."""
    where = connection.get_connection_params()
    kept = ("host", "port", "user", "dbname")
    with psycopg.connect(**{name: where[name] for name in kept}, autocommit=True) as other:
        yield other.execute


def test_types_that_are_registered_later_are_known_at_once() -> None:
    """Of values on their way in, and of columns on their way out."""

    class Loud(TextLoader):
        def load(self, data: Any) -> Any:
            return f"{bytes(data).decode()}!"

    class Cents(int):
        pass

    class CentsDumper(Dumper):
        def dump(self, value: Any) -> bytes:
            return b"%d00" % value

        quote = dump

    assert direct("SELECT 'a'::text, %s", Cents(3)) == [("a", 3)]
    driver().adapters.register_loader("text", Loud)
    driver().adapters.register_dumper(Cents, CentsDumper)
    for ask in (direct, by_django):
        assert ask("SELECT 'a'::text, %s", Cents(3)) == [("a!", 300)]


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "Asia/Kathmandu"])
@pytest.mark.parametrize("style", ["ISO, MDY", "German, DMY", "SQL, DMY", "Postgres, MDY"])
def test_moments_in_any_zone_and_style(zone: str, style: str) -> None:
    Every.objects.create(moment=NOON)
    set_it = "SELECT set_config('TimeZone', %s, false), set_config('DateStyle', %s, false)"
    by_django(set_it, zone, style)

    def read(ask: Callable[..., Any]) -> Any:
        try:
            return ask('SELECT moment, moment::date, moment::time FROM "shelf_every"')
        except Exception as error:
            return type(error), str(error)

    ours, theirs = read(direct), read(by_django)
    assert repr(ours) == repr(theirs)
    if (zone, style) == ("UTC", "ISO, MDY"):
        assert ours[0][0] == NOON


@pytest.mark.parametrize("chunked", [False, True])
def test_who_gets_a_cursor_has_moments_as_fast(chunked: bool) -> None:
    Every.objects.create(moment=NOON)
    loaders: list[str] = []

    def wrapper(execute: Any, sql: Any, params: Any, many: Any, context: Any) -> Any:
        loaders.append(context["cursor"].cursor.adapters.get_loader(1184, 0).__name__)
        return execute(sql, params, many, context)

    found = instances(Every.objects.all())
    with connection.execute_wrapper(wrapper):
        [made] = found.iterator() if chunked else found
    assert made.moment == NOON
    assert loaders == ["QuickLoader"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("client_encoding", "latin1"),
        ("DateStyle", "German, DMY"),
        ("IntervalStyle", "sql_standard"),
        ("TimeZone", "Asia/Kathmandu"),
        ("standard_conforming_strings", "off"),
        ("bytea_output", "escape"),
        ("extra_float_digits", "-5"),
    ],
)
def test_what_is_set_between_two_of_one_text(name: str, value: str) -> None:
    """What has been kept of the first is of no use for the second."""
    sql = (
        "SELECT %s, %s, '2026-03-01'::date, '1 day -2 hours'::interval, 1.1::float8, "
        "'2026-03-01 12:00+00'::timestamptz, '\\xff00'::bytea"
    )
    text = ("é \\ '", b"\\'\0")

    def read(ask: Callable[..., Any]) -> str:
        try:
            return repr(ask(sql, *text))
        except Exception as error:
            return repr(error)

    [(was,)] = by_django("SELECT current_setting(%s)", name)
    before = read(direct)
    assert before == read(by_django)
    by_django("SELECT set_config(%s, %s, false)", name, value)
    assert read(direct) == read(by_django)
    by_django("SELECT set_config(%s, %s, false)", name, was)
    assert read(direct) == before


def test_one_text_again_before_its_rows_are_read() -> None:
    """The reader is kept for a text: it reads whose turn it is."""
    sql = "SELECT n FROM generate_series(1, %s) AS n"
    first, second = (_direct.answered(own, sql, (count,)) for count in (5, 3))
    assert first is not None
    assert second is not None
    one, other = first.parts(2), second.parts(2)
    assert [len(next(one)), len(next(other)), len(next(one)), len(next(other))] == [2, 2, 2, 1]
    assert next(one) == [(5,)]


def test_what_was_read_is_let_go() -> None:
    """At once, not at the next collection: a result may be large."""
    sql = "SELECT repeat('x', 100) FROM generate_series(1, 500)"
    gc.disable()
    try:
        way = _direct.answered(own, sql, ())
        assert way is not None
        gone = weakref.ref(way)
        assert [len(part) for part in way.parts(200)] == [200, 200, 100]
        del way
        assert gone() is None
    finally:
        gc.enable()
    assert own.unhurried_readers[1][sql][1].pgresult is None


def test_of_as_many_texts_as_you_like_a_hundred_are_kept() -> None:
    for n in range(250):
        assert direct(f"SELECT {n}") == [(n,)]
    assert len(own.unhurried_readers[1]) <= 100
    old = own.unhurried_readers[0]
    connection.close()
    driver()
    assert direct("SELECT 7") == [(7,)]
    assert own.unhurried_readers[0] is not old


@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 12:00+00 BC"])
def test_moments_that_python_has_not(value: str) -> None:
    sql = "SELECT %s::timestamptz"
    errors = []
    for ask in (direct, by_django):
        with pytest.raises(Exception, match="timestamp") as caught:
            ask(sql, value)
        errors.append((caught.type, str(caught.value)))
    assert errors[0] == errors[1]


@pytest.mark.parametrize("place", [{"TIME_ZONE": "Asia/Tokyo"}, {"USE_TZ": False}])
def test_the_zone_that_django_is_told(place: dict[str, Any]) -> None:
    """A connection that was opened before has the old zone's loader, as its cursors see."""
    Every.objects.create(moment=NOON)
    found = []
    with override_settings(**place):
        for ask in (direct, by_django):
            [(moment,)] = ask('SELECT moment FROM "shelf_every"')
            found.append((moment, moment.tzinfo))
        assert [each.moment for each in instances(Every.objects.all())] == [
            each.moment for each in Every.objects.all()
        ]
    assert found[0] == found[1]


def test_a_connection_that_has_a_zone_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    Every.objects.create(moment=NOON)
    connection.close()
    place = {**own.settings_dict, "TIME_ZONE": "Asia/Tokyo"}
    monkeypatch.setattr(own, "settings_dict", place)
    for name in ("timezone", "timezone_name"):
        vars(own).pop(name, None)
    try:
        driver()
        [(ours,)], [(theirs,)] = (
            ask('SELECT moment FROM "shelf_every"') for ask in (direct, by_django)
        )
        assert (ours, ours.tzinfo) == (theirs, theirs.tzinfo)
        assert str(ours.tzinfo) == "Asia/Tokyo"
    finally:
        connection.close()
        for name in ("timezone", "timezone_name"):
            vars(own).pop(name, None)


def test_bindings_of_the_server_s(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = own.settings_dict
    connection.close()
    monkeypatch.setitem(settings, "OPTIONS", {"server_side_binding": True})
    driver()
    assert needs_a_cursor()
    assert by_books(1).get().name == "one"


def test_a_pipeline() -> None:
    with driver().pipeline():
        assert needs_a_cursor()
    assert not needs_a_cursor()


def test_a_cursor_of_somebody_s_own() -> None:
    class Mine(psycopg.ClientCursor[Any]):
        pass

    driver().cursor_factory = Mine
    assert needs_a_cursor()
    assert by_books(1).get().name == "one"


def test_two_threads_have_each_their_own() -> None:
    found: list[int] = []
    barrier = threading.Barrier(4)

    def ask() -> None:
        try:
            connection.ensure_connection()
            barrier.wait(10)
            found.extend(len(by_books(1)) for _ in range(50))
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [1] * 200


@pytest.mark.parametrize("value", ["'; DROP TABLE shelf_shelf; --", "\\'; SELECT 1; --", "%s"])
def test_a_text_stays_a_text(value: str) -> None:
    for backslashes in ("on", "off"):
        by_django("SELECT set_config('standard_conforming_strings', %s, false)", backslashes)
        assert direct("SELECT %s", value) == [(value,)]
        assert direct("SELECT %s, %s", value, b"\\'%s") == [(value, b"\\'%s")]
