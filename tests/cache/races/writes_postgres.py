"""Ways to write that only PostgreSQL has."""

from __future__ import annotations

from django.db import connection

from unhurried.measure import measured

from .models import Book
from .writes import asked, changes, run, titles

counted = asked("SELECT n FROM races_counted")
whole = asked("SELECT id FROM races_whole ORDER BY id")
part = asked("SELECT id FROM races_part ORDER BY id")


@changes(titles)
def cte_write() -> None:
    run(
        "WITH changed AS (UPDATE races_book SET title = 'in a cte' RETURNING id) "
        "SELECT count(*) FROM changed"
    )


@changes(titles)
def merge() -> None:
    run(
        "MERGE INTO races_book b USING races_author a ON a.id = b.author_id "
        "WHEN MATCHED THEN UPDATE SET title = a.name"
    )


@changes(titles)
def truncate() -> None:
    run("TRUNCATE races_book CASCADE")


@changes(asked("SELECT hero FROM races_novel"))
def truncate_cascade() -> None:
    run("TRUNCATE races_book CASCADE")


@changes(titles)
def do_block() -> None:
    run("DO $$ BEGIN UPDATE races_book SET title = 'by a block'; END $$")


@changes(titles)
def function_call() -> None:
    run("SELECT races_rename()")


@changes(titles)
def procedure_call() -> None:
    run("CALL races_renames()")


@changes(titles)
def several_statements() -> None:
    run("SELECT 1; UPDATE races_book SET title = 'one of several'; SELECT 2")


@changes(titles)
def several_with_commit() -> None:
    run("BEGIN; UPDATE races_book SET title = 'a whole transaction'; COMMIT")


@changes(titles)
def prepared_execute() -> None:
    run("PREPARE races AS UPDATE races_book SET title = 'prepared'")
    run("EXECUTE races")
    run("DEALLOCATE races")


@changes(titles)
def explain_analyze() -> None:
    run("EXPLAIN (ANALYZE, COSTS OFF) UPDATE races_book SET title = 'explained'")


@changes(titles)
def copied_in() -> None:
    """A road that bypasses cursors, announced as the docs say."""
    author = Book.objects.order_by("pk")[0].author_id
    sql = "COPY races_book (title, author_id) FROM STDIN"
    with (
        connection.cursor() as cursor,
        measured.statement("default", sql, writes=["races_book"]),
        cursor.cursor.copy(sql) as copy,
    ):
        copy.write_row(("copied", author))


@changes(counted)
def refreshed_view() -> None:
    Book.objects.filter(title="first").delete()
    run("REFRESH MATERIALIZED VIEW races_counted")


@changes(whole)
def partition_written() -> None:
    run("INSERT INTO races_part SELECT coalesce(max(id), 0) + 1, 1 FROM races_part")


@changes(part)
def whole_written() -> None:
    run("INSERT INTO races_whole SELECT coalesce(max(id), 0) + 1, 1 FROM races_whole")


@changes(titles)
def select_into() -> None:
    run("SELECT * INTO races_copy FROM races_book")
    run("DROP TABLE races_copy")
    run("UPDATE races_book SET title = 'copied away'")


@changes(titles)
def schema_named() -> None:
    run("UPDATE ONLY public.races_book AS b SET title = 'by its schema'")
