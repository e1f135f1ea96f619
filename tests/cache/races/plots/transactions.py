"""Transactions and their ends: hooks, savepoints, rollbacks, raw SQL, other aliases."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from django.db import connection, connections, transaction

from ..models import Author, Book
from ..stage import Pause, Stage, renewals, scenario
from ..writes import run, titles, update
from .late import committed, transacted


class DroppedError(Exception):
    """Ours, to end a block with."""


def fail() -> None:
    raise DroppedError


def kept_fresh(stage: Stage, body: Callable[[], Any] = titles, **options: Any) -> Any:
    kept = stage.kept(body, **options)
    stage.once(kept)
    assert stage.once(kept.peek).state == "fresh"
    return kept


def rename(title: str = "renamed") -> None:
    Book.objects.filter(title="first").update(title=title)


def dropped(write: Callable[[], Any]) -> None:
    with contextlib.suppress(DroppedError), transaction.atomic():
        write()
        fail()


@scenario
def earlier_hook_raises(stage: Stage) -> None:
    def write() -> None:
        with contextlib.suppress(DroppedError), transaction.atomic():
            transaction.on_commit(fail)
            rename()

    kept = kept_fresh(stage)
    stage.once(write)
    stage.true(kept)


@scenario
def read_in_a_hook(stage: Stage) -> None:
    """The writer's own hook is after COMMIT: it reads, and keeps, what was committed."""
    kept, seen = kept_fresh(stage), []

    def write() -> None:
        with transaction.atomic():
            rename()
            transaction.on_commit(lambda: seen.append(kept()))

    stage.once(write)
    assert seen == [stage.once(titles)]
    stage.true(kept)


@scenario
def savepoint_dropped(stage: Stage) -> None:
    """The write lies before, in, or after a savepoint that is rolled back."""

    def before() -> None:
        rename()
        dropped(Author.objects.all().count)

    def within() -> None:
        dropped(rename)

    def around() -> None:
        dropped(lambda: rename("dropped"))
        rename()

    for write in (before, within, around):
        kept = kept_fresh(stage)
        stage.once(committed, write)
        stage.true(kept)


@scenario
def savepoint_dropped_in_a_late_store(stage: Stage) -> None:
    """on_commit would forget it: the inner block is rolled back, its read was made before."""
    kept, pause = stage.held(titles)

    def write() -> None:
        with transaction.atomic():
            with transaction.atomic():
                rename()
            dropped(update)

    reading = stage.actor().begin(kept)
    pause.reached()
    stage.once(write)
    pause.let_go()
    reading.result(20)
    stage.true(kept)


@scenario
def kept_in_a_dropped_savepoint(stage: Stage) -> None:
    """What its own thread reads there is seen by nobody else, and not by itself afterwards."""
    kept, seen = kept_fresh(stage), []

    def read() -> None:
        rename()
        seen.append(kept())

    def write() -> None:
        dropped(read)
        seen.append(kept())

    stage.once(committed, write)
    assert "renamed" in seen[0]
    assert "renamed" not in seen[1]
    stage.true(kept)


@scenario
def rolled_back(stage: Stage) -> None:
    """Nothing uncommitted is kept, whether somebody read it before or not."""
    kept, cold, seen = kept_fresh(stage), stage.kept(titles), []

    def read() -> None:
        rename()
        seen.extend([kept(), cold()])

    stage.once(dropped, read)
    assert all("renamed" in titles for titles in seen)
    assert stage.once(cold.peek).state == "missing"
    stage.true(kept)
    stage.true(cold)


@scenario
def rolled_back_late(stage: Stage) -> None:
    """A reading begun in the dirty transaction ends, and would be kept, after its rollback."""
    kept, writer = stage.kept(titles), stage.actor(True)

    def write_read_and_undo() -> list[Any]:
        with contextlib.suppress(DroppedError), transaction.atomic():
            rename()
            value = titles()
            fail()
        return value

    outer = stage.kept(write_read_and_undo)
    assert "renamed" in writer.do(outer)
    assert stage.once(outer.peek).state == "missing", "it read rows that nobody committed"
    stage.true(kept)


@scenario
def dirty_reader(stage: Stage) -> None:
    """It sees its own write, others see what is committed; both from what was kept and not."""
    kept, cold, writer = kept_fresh(stage), stage.kept(titles), stage.actor()
    committed_titles = stage.once(titles)
    with transacted(writer):
        writer.do(rename)
        for each in (kept, cold):
            assert "renamed" in writer.do(each)
            assert stage.once(each) == committed_titles
            assert "renamed" in writer.do(each)
    stage.true(kept)
    stage.true(cold)


@scenario
def dirty_unit(stage: Stage) -> None:
    """What a unit read while it was dirty is in no entry of it, not even after COMMIT."""
    writer, seen = stage.actor(True), []

    def write() -> None:
        with transaction.atomic():
            rename()
            seen[:] = titles()

    kept = stage.kept(lambda: [*seen])
    writer.do(write)
    writer.do(kept)
    stage.once(run, "UPDATE races_book SET title = 'later'")
    assert stage.once(kept.peek).state != "fresh"


@scenario
def renewed_out_of_order(stage: Stage) -> None:
    """One writer's renewal comes long after another's whole transaction."""
    kept, pause = kept_fresh(stage), Pause()
    with renewals(pause):
        first = stage.actor().begin(committed, rename)
        pause.reached()
        stage.once(committed, update)
        assert stage.once(kept) == stage.once(titles), "the second writer's call has returned"
        pause.let_go()
        first.result(20)
    stage.true(kept)


def raw(begin: str, end: str) -> Callable[[], None]:
    def write() -> None:
        run(begin)
        rename()
        run(end)

    return write


@scenario
def raw_begin(stage: Stage) -> None:
    for begin, end in [
        ("BEGIN", "COMMIT"),
        ("begin transaction", "end"),
        ("/* now */ BEGIN", "  COMMIT -- and done"),
        ("BEGIN;", "END TRANSACTION;"),
    ]:
        Book.objects.filter(title="renamed").update(title="first")
        kept = kept_fresh(stage)
        stage.once(raw(begin, end))
        stage.true(kept)


@scenario
def raw_begin_read_between(stage: Stage) -> None:
    kept, writer = stage.kept(titles), stage.actor()
    writer.do(run, "BEGIN")
    writer.do(rename)
    assert "renamed" in writer.do(kept)
    assert "renamed" not in stage.once(kept)
    writer.do(run, "COMMIT")
    stage.true(kept)


@scenario
def raw_rollback(stage: Stage) -> None:
    kept, writer = stage.kept(titles), stage.actor()
    writer.do(run, "BEGIN")
    writer.do(rename)
    assert "renamed" in writer.do(kept)
    writer.do(run, "ROLLBACK")
    stage.true(kept)


@scenario
def raw_savepoint(stage: Stage) -> None:
    def write() -> None:
        run("SAVEPOINT here")
        rename("dropped")
        run("ROLLBACK TO SAVEPOINT here")
        rename()
        run("RELEASE SAVEPOINT here")

    kept = kept_fresh(stage)
    stage.once(committed, write)
    stage.true(kept)


@scenario
def manual_mode(stage: Stage) -> None:
    kept, writer = kept_fresh(stage), stage.actor()
    writer.do(transaction.set_autocommit, False)
    writer.do(rename)
    assert "renamed" in writer.do(kept)
    assert "renamed" not in stage.once(kept)
    writer.do(transaction.commit)
    stage.true(kept)
    writer.do(rename, "dropped")
    writer.do(transaction.rollback)
    writer.do(transaction.set_autocommit, True)
    stage.true(kept)


@scenario
def closed_in_manual_mode(stage: Stage) -> None:
    kept, writer = kept_fresh(stage), stage.actor()
    writer.do(transaction.set_autocommit, False)
    writer.do(rename)
    assert "renamed" in writer.do(kept)
    writer.do(connections.close_all)
    stage.true(kept)


@scenario
def another_alias(stage: Stage) -> None:
    """Read from two databases, written in the other one; alone, and within a block of both."""

    def both() -> list[Any]:
        return [titles(), list(Author.objects.using("other").values_list("name", flat=True))]

    def write(name: str) -> None:
        with transaction.atomic(), transaction.atomic(using="other"):
            rename(name)
            Author.objects.using("other").create(name=f"{name} {Author.objects.count()}")

    Author.objects.using("other").all().delete()
    kept = kept_fresh(stage, both)
    stage.once(lambda: Author.objects.using("other").create(name="alone"))
    stage.true(kept)
    stage.once(write, "in both")
    stage.true(kept)


@scenario
def a_twin_alias(stage: Stage) -> None:
    """Two names of one database."""
    kept = kept_fresh(stage)
    stage.once(lambda: Book.objects.using("twin").filter(title="first").update(title="by its twin"))
    stage.true(kept)


@scenario
def read_dirty_by_a_twin(stage: Stage) -> None:
    """What one connection has dirtied the other reads as it was, and keeps no longer than that."""
    kept, writer = stage.kept(titles), stage.actor()
    with transacted(writer, using="twin"):
        writer.do(lambda: Book.objects.using("twin").filter(title="first").update(title="twin"))
        writer.do(kept)
    stage.true(kept)


@scenario
def changed_schema(stage: Stage) -> None:
    """A column more, then one less: what was read of the table is old each time."""
    body = all_columns
    kept = kept_fresh(stage, body)
    stage.once(run, "ALTER TABLE races_log ADD COLUMN more integer DEFAULT 5")
    stage.true(kept)
    stage.once(run, "ALTER TABLE races_log DROP COLUMN more")
    stage.true(kept)


def all_columns() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM races_log")
        return [column[0] for column in cursor.description]


@scenario
def new_trigger(stage: Stage) -> None:
    """Made while the site runs; the next write sets it off."""
    name = f"races_{stage.name}".replace("-", "_")
    event = "AFTER UPDATE ON races_book"
    if stage.vendor == "sqlite":
        sql = f"CREATE TRIGGER {name} {event} BEGIN DELETE FROM races_sheet; END"
    else:
        run(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN DELETE FROM races_sheet; RETURN NULL; END $$"
        )
        sql = f"CREATE TRIGGER {name} {event} EXECUTE FUNCTION {name}()"
    stage.once(run, sql)
    try:
        kept = kept_fresh(stage, sheets)
        stage.once(rename)
        stage.true(kept)
    finally:
        run(f"DROP TRIGGER {name}" + ("" if stage.vendor == "sqlite" else " ON races_book"))


def sheets() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM races_sheet")
        return [list(row) for row in cursor.fetchall()]
