"""COMMIT and statements in doubt: done, though the caller is told that they failed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from django.db import DatabaseError, connection, connections, transaction
from django.db.utils import OperationalError

from ..models import Author, Book
from ..stage import Stage, scenario
from ..writes import run, titles
from .late import committed
from .transactions import kept_fresh, rename


class Doubtful:
    """A driver's connection whose next commit goes wrong as ``commit`` says."""

    def __init__(self, driver: Any, commit: Callable[[Any], None]) -> None:
        vars(self).update(driver=driver, wrong=commit)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.driver, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self.driver, name, value)

    def commit(self) -> None:
        self.wrong(self.driver)
        raise OperationalError("the server closed the connection unexpectedly")


def doubting(write: Callable[[], Any], commit: Callable[[Any], None]) -> None:
    """``write`` in a transaction whose COMMIT goes wrong; the site goes on, as it would."""
    connection.ensure_connection()
    driver = connection.connection
    connection.connection = Doubtful(driver, commit)
    with contextlib.suppress(OperationalError):
        committed(write)
    if isinstance(connection.connection, Doubtful):
        connection.connection = driver
    connection.close()


def done(driver: Any) -> None:
    driver.commit()


def done_and_gone(driver: Any) -> None:
    driver.commit()
    driver.close()


def not_done(driver: Any) -> None:
    driver.rollback()


@scenario
def commit_in_doubt(stage: Stage) -> None:
    """Kept before, read in between by the late store, read after."""
    for commit in (done, done_and_gone, not_done):
        kept = kept_fresh(stage)
        late, pause = stage.held(titles)
        reading = stage.actor().begin(late)
        pause.reached()
        stage.once(doubting, rename, commit)
        pause.let_go()
        reading.result(20)
        changed = "renamed" in stage.once(titles)
        assert changed is (commit is not not_done)
        stage.true(kept)
        stage.true(late)
        Book.objects.filter(title="renamed").update(title="first")


@scenario
def statement_in_doubt(stage: Stage) -> None:
    """In autocommit the statement is done, and whoever asked for it is told that it failed."""

    def fails(execute: Any, *args: Any) -> None:
        execute(*args)
        raise OperationalError("the server closed the connection unexpectedly")

    def write() -> None:
        sql = "UPDATE races_book SET title = 'renamed' WHERE title = 'first'"
        with contextlib.suppress(OperationalError), connection.execute_wrapper(fails):
            run(sql)

    kept = kept_fresh(stage)
    stage.once(write)
    assert "renamed" in stage.once(titles)
    stage.true(kept)


@scenario
def constraint_at_commit(stage: Stage) -> None:
    """COMMIT is refused by a constraint that was put off: nothing is changed, nothing kept."""
    kept, cold, seen = kept_fresh(stage), stage.kept(titles), []

    def write() -> None:
        Book.objects.create(title="of nobody", author_id=Author.objects.get().pk + 1000)
        seen.extend([kept(), cold()])

    with contextlib.suppress(DatabaseError):
        stage.once(committed, write)
    assert all("of nobody" in titles for titles in seen)
    stage.true(kept)
    stage.true(cold)


@scenario
def backend_terminated(stage: Stage) -> None:
    """The administrator ends the writer's session: before its COMMIT, or just after."""
    pid = "SELECT pg_backend_pid()"

    def terminate(driver: Any) -> None:
        number = driver.execute(pid).fetchone()[0]
        stage.once(run, f"SELECT pg_terminate_backend({number})")
        driver.commit()

    def terminate_after(driver: Any) -> None:
        number = driver.execute(pid).fetchone()[0]
        driver.commit()
        stage.once(run, f"SELECT pg_terminate_backend({number})")

    for way in (terminate, terminate_after):
        kept = kept_fresh(stage)
        with contextlib.suppress(Exception):  # boundary: the driver's own error comes through
            stage.once(doubting, rename, way)
        stage.true(kept)


@scenario
def commit_prepared(stage: Stage) -> None:
    """Two-phase: prepared by one connection, committed by another, much later."""
    kept, name = kept_fresh(stage), f"races {stage.name}"

    def prepare() -> None:
        run("BEGIN")
        rename()
        run(f"PREPARE TRANSACTION '{name}'")

    stage.once(prepare)
    stage.true(kept)
    stage.once(run, f"COMMIT PREPARED '{name}'")
    assert "renamed" in stage.once(titles)
    stage.true(kept)


@scenario
def connection_closed_within(stage: Stage) -> None:
    """``connection.close()`` in an atomic block: undone."""
    kept = kept_fresh(stage)

    def write() -> None:
        with contextlib.suppress(DatabaseError), transaction.atomic():
            rename()
            kept()
            connections["default"].close()

    stage.once(write)
    assert "renamed" not in stage.once(titles)
    stage.true(kept)
