"""What a unit of work remembers of its statements, and who hears of them."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import pytest
from django.db import connection, transaction
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.utils import OperationalError, ProgrammingError
from django.test import AsyncClient, Client

from tests.books.models import Author, Book
from unhurried.measure import _statements, _units, measured
from unhurried.measure._probes import sql
from unhurried.measure._record import NEVER, NOTHING, Record, SampledRecord, Seen, current
from unhurried.measure._statements import MOST, OTHER
from unhurried.testing import override

pytestmark = pytest.mark.django_db
MANY_ROWS = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x+1 FROM c WHERE x<100000) "


@pytest.fixture(autouse=True)
def nobody_else_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rooms above set ``due`` as they like."""
    monkeypatch.setattr(sql, "repeated", [])
    monkeypatch.setattr(_statements, "repeated", sql.repeated)


@pytest.fixture
def unit(store: object) -> Iterator[Record]:
    """A unit of work under way, the sampled one of its sixteen or not."""
    with measured("unit"):
        record = current.get()
        assert record is not None
        yield record


@pytest.fixture(params=["simple", "sampled"])
def record(request: pytest.FixtureRequest, store: object) -> Iterator[Record]:
    made = _units.start("unit", "unit", sample=False)
    assert made is not None
    record = made if request.param == "simple" else SampledRecord("unit", "unit", made.store)
    token = current.set(record)
    yield record
    current.reset(token)
    _units.finish(record)


@pytest.fixture
def heard() -> Iterator[list[tuple[Record, Seen, int]]]:
    calls: list[tuple[Record, Seen, int]] = []

    def hook(record: Record, seen: Seen) -> None:
        calls.append((record, seen, seen.count))

    sql.repeated.append(hook)
    yield calls
    sql.repeated.remove(hook)


def the(record: Record) -> Seen:
    (seen,) = record.statements.values()
    return seen


def test_a_statement_is_seen_with_its_counts_and_times(record: Record) -> None:
    Author.objects.create(name="a")
    record.statements = NOTHING
    for pk in (1, 2, 3, 4):
        list(Author.objects.filter(pk=pk))
    seen = the(record)
    assert (seen.alias, seen.count, seen.failed, seen.rows) == ("default", 4, 0, 0)
    assert seen.sql.startswith("SELECT")
    assert record.statements == {seen.sql: seen}
    assert 0 < seen.least * 4 <= seen.ns
    assert seen.fetch > 0
    assert seen.ns + seen.fetch <= record.parts[1]


def test_without_statements_nothing_is_made(record: Record) -> None:
    assert record.statements is NOTHING
    Author.objects.count()
    assert NOTHING == {}


def test_transaction_control_is_not_seen(record: Record) -> None:
    with transaction.atomic(), transaction.atomic():
        Author.objects.create(name="a")
    assert the(record).sql.startswith("INSERT")
    assert record.queries == 1


def test_executemany_is_one_trip_of_many_rows(record: Record) -> None:
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO books_author (name) VALUES (%s)", [("a",), ("b",), ("c",)])
    assert (the(record).count, the(record).rows) == (1, 3)


def test_a_failure_is_counted_and_raised(record: Record) -> None:
    with pytest.raises(OperationalError), connection.cursor() as cursor:
        cursor.execute("SELECT nothing FROM nowhere")
    assert (the(record).count, the(record).failed) == (1, 1)


def test_fetching_is_charged_to_its_own_statement(record: Record) -> None:
    """Though another one is executed and fetched in the middle. Each row takes ten microseconds."""

    def tick(row: int) -> int:
        until = time.perf_counter_ns() + 10_000
        while time.perf_counter_ns() < until:
            pass
        return row

    began = time.perf_counter_ns()
    with connection.cursor() as outer, connection.cursor() as inner:
        connection.connection.create_function("tick", 1, tick)
        outer.execute(MANY_ROWS + "SELECT tick(x) FROM c LIMIT 1000")
        assert len(outer.fetchmany(10)) == 10
        inner.execute("SELECT tick(1) UNION ALL SELECT tick(2) UNION ALL SELECT tick(3)")
        assert inner.fetchall() == [(1,), (2,), (3,)]
        assert len(outer.fetchall()) == 990
    took = time.perf_counter_ns() - began
    first, second = record.statements.values()
    assert first.fetch >= 9_980_000, "the first row may be found by executing"
    assert second.fetch >= 10_000
    assert first.fetch + second.fetch <= took - first.ns - second.ns


@pytest.mark.parametrize("how", ["fetchone", "fetchmany", "fetchall", "iteration"])
def test_each_way_of_fetching_is_timed_and_gives_the_same_rows(how: str, record: Record) -> None:
    rows = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3")
        if how == "iteration":
            rows = list(cursor)
        elif how == "fetchall":
            rows = cursor.fetchall()
        elif how == "fetchmany":
            cursor.arraysize = 2
            while got := cursor.fetchmany():
                rows += got
        else:
            while row := cursor.fetchone():
                rows.append(row)
    assert rows == [(1,), (2,), (3,)]
    assert the(record).fetch > 0


def test_the_drivers_cursor_stays_what_it_was(record: Record) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        raw = cursor.cursor
        assert isinstance(raw, SQLiteCursorWrapper)
        assert raw.fetchmany(5) == [(1,)]
        assert type(raw) is SQLiteCursorWrapper  # it has no more rows: nothing is left to time
        cursor.execute("SELECT 2")  # the same one again
        assert cursor.fetchone() == (2,)
    assert [seen.count for seen in record.statements.values()] == [1, 1]


def test_a_cursor_of_another_make_gets_a_stand_in(record: Record) -> None:
    class Narrow(SQLiteCursorWrapper):
        __slots__ = ("narrow",)  # another layout: its class can't be changed

    with connection.cursor() as cursor:
        cursor.cursor = connection.connection.cursor(factory=Narrow)
        for number in (1, 2):
            cursor.execute(f"SELECT {number}")
            assert cursor.fetchall() == [(number,)]
    assert all(seen.fetch > 0 for seen in record.statements.values())


def test_distinct_statements_are_bounded(record: Record) -> None:
    with connection.cursor() as cursor:
        for number in range(MOST + 40):
            cursor.execute(f"SELECT {number}")
    assert len(record.statements) == MOST + 1
    assert record.statements[OTHER].count == 40
    assert record.queries == MOST + 40


def test_the_same_text_on_another_connection_is_another_statement(record: Record) -> None:
    for alias in ("default", "other", "default", "other", "third"):
        with measured.statement(alias, "COPY t FROM STDIN"):
            pass
    counts = {key: seen.count for key, seen in record.statements.items()}
    text = "COPY t FROM STDIN"
    assert counts == {text: 2, ("other", text): 2, ("third", text): 1}


def test_a_text_without_a_hash_is_known_by_its_looks(record: Record) -> None:
    class Composed:
        __hash__ = None  # type: ignore[assignment]

        def __repr__(self) -> str:
            return "Composed([SQL('SELECT 1')])"

    composed = Composed()
    for _ in range(3):
        with measured.statement("default", composed):
            pass
    assert the(record).count == 3
    assert the(record).sql is composed


def test_a_hook_hears_of_the_third_time_and_of_what_it_asks_for(
    record: Record, heard: list[tuple[Record, Seen, int]]
) -> None:
    def again(record: Record, seen: Seen) -> None:
        if seen.count < 20:
            seen.due = 10
        assert "test_a_hook_hears" in _callers()

    sql.repeated.append(again)
    try:
        for _ in range(12):
            Author.objects.count()
    finally:
        sql.repeated.remove(again)
    assert [(r, count) for r, _, count in heard] == [
        (record, 3),
        (record, 10),
        (record, 11),
        (record, 12),
    ]


def _callers() -> str:
    names, frame = "", sys._getframe(1)
    while frame.f_back is not None:
        names, frame = names + frame.f_code.co_name + " ", frame.f_back
    return names


def test_a_hook_is_not_called_again_unless_it_asks(
    record: Record, heard: list[tuple[Record, Seen, int]]
) -> None:
    for _ in range(9):
        Author.objects.count()
    ((_, seen, count),) = heard
    assert (count, seen.due) == (3, NEVER)


def test_a_broken_hook_breaks_no_statement(record: Record) -> None:
    def broken(record: Record, seen: Seen) -> None:
        raise ZeroDivisionError

    sql.repeated.append(broken)
    try:
        with override(STRICT=False, STORE=str(record.store.folder.parent)):
            for _ in range(5):
                Author.objects.count()
            for _ in range(2):
                Book.objects.count()
        with pytest.raises(ZeroDivisionError), override(STRICT=True):
            Book.objects.count()
    finally:
        sql.repeated.remove(broken)


def test_a_hook_may_query(record: Record) -> None:
    def curious(record: Record, seen: Seen) -> None:
        seen.note = Book.objects.count()

    sql.repeated.append(curious)
    try:
        for _ in range(3):
            Author.objects.count()
    finally:
        sql.repeated.remove(curious)
    assert next(iter(record.statements.values())).note == 0
    assert record.queries == 4


def test_a_sampled_unit_keeps_the_order_of_its_statements(store: object) -> None:
    made = _units.start("unit", "unit", sample=False)
    assert made is not None
    record = SampledRecord("unit", "unit", made.store)
    token = current.set(record)
    try:
        Author.objects.count()
        Book.objects.count()
        Author.objects.count()
        (one, _, first), (two, took, second), (three, _, again) = record.timeline
        for _ in range(400):
            Author.objects.count()
    finally:
        current.reset(token)
        _units.finish(record)
    assert first is again is not second
    assert 0 < one < two < two + took <= three < record.wall
    assert len(record.timeline) == 300


def test_observers_get_vendor_cursor_and_time(unit: Record) -> None:
    class Observer:
        def __init__(self) -> None:
            self.took: list[int] = []

        def before(self, statement: sql.Statement) -> None:
            self.took.append(statement.took)

        def after(self, statement: sql.Statement, error: BaseException | None) -> None:
            self.took.append(statement.took)
            self.statement, self.error = statement, error

    observer = Observer()
    sql.observers.append(observer)
    try:
        Author.objects.create(name="a")
        Author.objects.update(name="b")
        assert observer.statement.cursor.rowcount == 1
        assert observer.statement.vendor == "sqlite"
        with pytest.raises(OperationalError), connection.cursor() as cursor:
            cursor.execute("SELECT nothing FROM nowhere")
        assert observer.error is not None
    finally:
        sql.observers.remove(observer)
    befores, afters = observer.took[::2], observer.took[1::2]
    assert len(afters) == 3
    assert set(befores) == {0}
    assert min(afters) > 0


def test_what_finishes_brings_its_statements(client: Client, store: object) -> None:
    finished: list[Record] = []
    _units.finished.append(finished.append)
    try:
        client.get("/queries/4/")

        async def visit() -> None:
            await asyncio.gather(*(AsyncClient().get("/aqueries/3/") for _ in range(4)))

        asyncio.run(visit())
    finally:
        _units.finished.remove(finished.append)
    assert [sum(s.count for s in record.statements.values()) for record in finished] == [
        record.queries for record in finished
    ]
    assert [record.queries for record in finished] == [4, 3, 3, 3, 3]


def test_fetching_outside_a_unit_is_nobodys(store: object) -> None:
    with connection.cursor() as cursor:
        with measured("unit"):
            cursor.execute("SELECT 1 UNION ALL SELECT 2")
        assert cursor.fetchall() == [(1,), (2,)]


def test_sqlite_cursors_still_raise_as_they_did(record: Record) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.close()
        with pytest.raises(ProgrammingError, match="closed"):
            cursor.fetchone()
