"""Snapshots older than the tokens: kept by an isolation level, an iterator, an open cursor."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection, transaction

from ..models import Author, Book
from ..stage import Pause, Stage, scenario
from ..writes import run, titles
from .late import transacted
from .transactions import rename


def wrote(stage: Stage) -> bool:
    """In SQLite's rollback journal, who reads keeps writers out; then nothing has changed."""
    try:
        stage.once(rename)
    except DatabaseError as error:
        assert "locked" in str(error), error  # noqa: PT017 - it may be raised or not
        return False
    return True


def not_kept_as_fresh(stage: Stage, reader: Any, kept: Any) -> None:
    """``reader`` has a snapshot; somebody writes; what it reads then is for nobody else."""
    changed = wrote(stage)
    got = reader.do(kept)
    assert ("renamed" in got) <= changed
    stage.true(kept)


@scenario
def in_a_transaction(stage: Stage) -> None:
    """READ COMMITTED on PostgreSQL; on SQLite the first statement takes the snapshot."""
    for unit in (False, True):
        reader, kept = stage.actor(unit), stage.kept(titles)
        with transacted(reader):
            reader.do(Author.objects.count)
            not_kept_as_fresh(stage, reader, kept)
        stage.true(kept)
        rename_back()


@scenario
def kept_again_in_a_transaction(stage: Stage) -> None:
    """The snapshot was taken by a cached function; the next call, a unit of its own, is in it."""
    for savepoint in (False, True):
        for before in (False, True):
            reader, kept = stage.actor(), stage.kept(titles)
            if before:
                stage.once(kept)
            with transacted(reader):
                reader.do(kept)
                changed = wrote(stage)
                with transacted(reader) if savepoint else contextlib.nullcontext():
                    got = reader.do(kept)
                assert ("renamed" in got) <= changed
                stage.true(kept)
            stage.true(kept)
            rename_back()


@scenario
def hit_then_kept_in_a_transaction(stage: Stage) -> None:
    """The same where the first call is served and asks the database nothing, and the next one."""
    first, kept, reader = stage.kept(titles), stage.kept(lambda: [*titles()]), stage.actor()
    stage.once(first)
    with transacted(reader):
        reader.do(first)
        reader.do(Author.objects.count)
        wrote(stage)
        reader.do(first)
        reader.do(kept)
        stage.true(kept)
        stage.true(first)
    stage.true(kept)
    stage.true(first)


def rename_back() -> None:
    Book.objects.filter(title="renamed").update(title="first")


def levels(stage: Stage) -> list[Callable[[], Any]]:
    """Ways to ask for one snapshot."""
    words = "TRANSACTION ISOLATION LEVEL REPEATABLE READ"
    return [
        lambda: run(f"SET {words}"),
        lambda: run("set transaction read only, isolation level serializable"),
        lambda: run("SET LOCAL transaction_isolation = 'repeatable read'"),
        lambda: run("SET transaction_isolation TO 'serializable'"),
    ]


@scenario
def repeatable_read(stage: Stage) -> None:
    for unit in (False, True):
        for level in levels(stage):
            reader, kept = stage.actor(unit), stage.kept(titles)
            with transacted(reader):
                reader.do(level)
                reader.do(Author.objects.count)
                not_kept_as_fresh(stage, reader, kept)
            stage.true(kept)
            rename_back()


@scenario
def repeatable_read_session(stage: Stage) -> None:
    """Asked for before the transaction: of the session, in BEGIN, of the driver."""

    words = "ISOLATION LEVEL REPEATABLE READ"
    ways: list[Callable[[], Any]] = [
        lambda: run(f"SET SESSION CHARACTERISTICS AS TRANSACTION {words}"),
        lambda: run("SET default_transaction_isolation = 'serializable'"),
        lambda: run("SELECT set_config('default_transaction_isolation', 'serializable', false)"),
    ]
    for way in ways:
        reader, kept = stage.actor(), stage.kept(titles)
        reader.do(way)
        with transacted(reader):
            reader.do(Author.objects.count)
            not_kept_as_fresh(stage, reader, kept)
        stage.true(kept)
        rename_back()
    reader, kept = stage.actor(), stage.kept(titles)
    reader.do(run, f"BEGIN {words}")
    reader.do(Author.objects.count)
    not_kept_as_fresh(stage, reader, kept)
    reader.do(run, "COMMIT")
    stage.true(kept)


@scenario
def late_store_in_a_snapshot(stage: Stage) -> None:
    """The first statement of all is the one that is kept: its token is older than the snapshot."""
    kept, pause = stage.held(titles)
    reader = stage.actor()
    with transacted(reader):
        if stage.vendor != "sqlite":
            reader.do(run, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reading = reader.begin(kept)
        pause.reached()
        wrote(stage)
        pause.let_go()
        reading.result(20)
    stage.true(kept)


@scenario
def serializable_retry(stage: Stage) -> None:
    """A writer is refused at its COMMIT, or before, and tries again."""
    kept = stage.kept(titles)
    stage.once(kept)
    writer = stage.actor()

    def attempt(write: Callable[[], None]) -> None:
        with transaction.atomic():
            run("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
            titles()
            write()
            rename("mine")

    def conflict() -> None:
        stage.once(lambda: Book.objects.filter(title="first").update(title="theirs"))

    try:
        writer.do(attempt, conflict)
    except DatabaseError:
        stage.true(kept)
        writer.do(attempt, lambda: None)
    stage.true(kept)


def chunked() -> Any:
    return Book.objects.order_by("pk").values_list("title", flat=True).iterator(chunk_size=1)


@scenario
def iterator_within(stage: Stage) -> None:
    """A cached function is half through an iterator when somebody writes."""
    pause = Pause()

    def iterated() -> list[str]:
        rows = chunked()
        first = next(rows)
        pause()
        return [first, *rows]

    for inside in (False, True):
        pause = Pause()
        kept, reader = stage.kept(iterated), stage.actor()
        with transacted(reader) if inside else contextlib.nullcontext():
            reading = reader.begin(kept)
            pause.reached()
            wrote(stage)
            pause.let_go()
            reading.result(20)
        stage.true(kept)
        rename_back()


def using_up(rows: list[Any]) -> Callable[[], list[str]]:
    def use_up() -> list[str]:
        return ["first", *rows.pop()] if rows else titles()

    return use_up


@scenario
def iterator_around(stage: Stage) -> None:
    """It was opened, and begun, before the cached function that uses it up.

    In one unit of work: outside of any, nobody can tell what a function closes over.
    """
    for unit in (True,):
        for inside in (False, True):
            reader, rows = stage.actor(unit), []

            kept = stage.kept(using_up(rows))

            def open_one(rows: list[Any] = rows) -> None:
                rows.append(chunked())
                next(rows[0])

            with transacted(reader) if inside else contextlib.nullcontext():
                reader.do(open_one)
                wrote(stage)
                reader.do(kept)
            stage.true(kept)
            rename_back()


@scenario
def open_cursor(stage: Stage) -> None:
    """On SQLite an unfinished SELECT keeps the snapshot of its connection, in autocommit too."""
    for unit in (False, True):
        reader, kept, cursors = stage.actor(unit), stage.kept(titles), []

        def leave_open(cursors: list[Any] = cursors) -> None:
            cursors.append(connection.cursor())
            cursors[0].execute("SELECT * FROM races_author, races_book, races_tag")
            cursors[0].fetchone()

        reader.do(leave_open)
        not_kept_as_fresh(stage, reader, kept)
        reader.do(lambda cursors=cursors: cursors[0].close())
        stage.true(kept)
        rename_back()


@scenario
def held_cursor(stage: Stage) -> None:
    """DECLARE … WITH HOLD outlives its transaction, and keeps what it saw."""

    def use() -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute(
                "FETCH ALL FROM races_held" if opened else "SELECT title FROM races_book"
            )
            return [row[0] for row in cursor.fetchall()]

    reader, kept, opened = stage.actor(True), stage.kept(use), [1]
    reader.do(run, "DECLARE races_held CURSOR WITH HOLD FOR SELECT title FROM races_book")
    stage.once(rename)
    reader.do(kept)
    opened.clear()
    stage.true(kept)


@scenario
def list_before(stage: Stage) -> None:
    """The unit loaded a list, somebody wrote, then a cached function makes something of it."""
    reader, loaded = stage.actor(True), []
    kept = stage.kept(lambda: [*loaded] if loaded else titles())
    reader.do(lambda: loaded.extend(titles()))
    stage.once(rename)
    assert "renamed" not in reader.do(kept)
    loaded.clear()
    stage.true(kept)


@scenario
def foreseen_in_a_snapshot(stage: Stage) -> None:
    """What a function reads is known from before, and asked for at its call: in an older snapshot
    of its own unit that is too late.
    """
    first, kept = stage.kept(Author.objects.count), stage.kept(titles)
    stage.once(kept)
    stage.once(rename_back)
    reader = stage.actor(unit=True)
    with transacted(reader):
        reader.do(first)
        not_kept_as_fresh(stage, reader, kept)
    stage.true(kept)
