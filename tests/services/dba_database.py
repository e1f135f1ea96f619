"""A database of a test's own on a real PostgreSQL: a healthy site's, and one of each defect."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import psycopg
import pytest
from django.db import connections

from tests import servers
from tests.books.models import Author, Book
from tests.db.shelf.models import Every, Place, Rated, Shelf, Slugs, Tree
from tests.pages.models import Page
from unhurried.measure import measured

OPTIONS = (
    *("fsync=off", "synchronous_commit=off", "autovacuum=off"),
    *("shared_preload_libraries=pg_stat_statements", "max_connections=30"),
)
MODELS = (Author, Book, Page, Shelf, Place, Rated, Tree, Slugs, Every)
_numbers = count()


class Database:
    """A database of a test's own, ``dba`` among the connections."""

    def __init__(self, server: servers.Server, name: str) -> None:
        self.server, self.name = server, name
        self.opened: list[psycopg.Connection[Any]] = []

    def connect(self, **options: Any) -> psycopg.Connection[Any]:
        """Beside Django's."""
        given = {"user": "postgres", "dbname": self.name, "autocommit": True, **options}
        made = psycopg.connect(host=self.server.host, port=self.server.port, **given)
        self.opened.append(made)
        return made

    def run(self, *statements: str) -> None:
        """By a connection that ends, so that all it has done is counted."""
        with self.connect() as connection:
            for statement in statements:
                connection.execute(statement)

    def settings(self, **options: Any) -> dict[str, Any]:
        return {
            **connections.settings["default"],
            "ENGINE": "django.db.backends.postgresql",
            "NAME": self.name,
            "USER": "postgres",
            "HOST": self.server.host,
            "PORT": str(self.server.port),
            **options,
        }


def made(server: servers.Server) -> Iterator[Database]:
    found = Database(server, f"site{next(_numbers)}")
    found.connect(dbname="postgres").execute(f"CREATE DATABASE {found.name}")
    found.run("CREATE EXTENSION pg_stat_statements")
    connections.settings["dba"] = found.settings()
    with connections["dba"].schema_editor() as editor:
        for model in MODELS:
            editor.create_model(model)
    yield found
    connections["dba"].close()
    del connections["dba"], connections.settings["dba"]
    for each in found.opened:
        each.close()


def fill(database: Database) -> None:
    """A healthy site: its rows known to the planner, its indexes used."""
    database.run(
        "INSERT INTO books_author (name) SELECT 'author ' || n FROM generate_series(1, 3000) n",
        "INSERT INTO books_book (title, author_id)"
        " SELECT 'book ' || n, 1 + n % 3000 FROM generate_series(1, 60000) n",
        "INSERT INTO pages_page (title, views, likes, score, money, seen)"
        " SELECT 'page', n, n % 400, 0, 0, n % 7000 FROM generate_series(1, 70000) n",
        "INSERT INTO shelf_shelf (name, room, books)"
        " SELECT 'shelf ' || n, 'hall', 0 FROM generate_series(1, 50) n",
        "INSERT INTO shelf_place (name) SELECT 'place' FROM generate_series(1, 5000)",
        "INSERT INTO shelf_rated (stars) SELECT 3 FROM generate_series(1, 50)",
        "INSERT INTO shelf_tree (name) SELECT 'tree' FROM generate_series(1, 2000)",
    )
    database.run("VACUUM ANALYZE")
    for book in Book.objects.using("dba").filter(author=5):
        Author.objects.using("dba").get(pk=book.author_id)


#: What has the good index be used.
READS = (
    "SET enable_seqscan = off",
    "SELECT count(*) FROM pages_page WHERE views = 3 AND likes = 3",
)


def damage(database: Database) -> None:
    """One of each."""
    database.run(
        "CREATE INDEX never_read ON books_book (title, id)",
        "CREATE INDEX again ON books_book (author_id)",
        "CREATE INDEX views_alone ON pages_page (views)",
        "CREATE INDEX views_likes ON pages_page (views, likes)",
        "DROP INDEX shelf_tree_parent_id_" + tail_of(database, "shelf_tree_parent_id_"),
        "DELETE FROM shelf_place WHERE id % 5 < 3",
        "SELECT setval('shelf_rated_rated_id_seq', 2000000000)",
    )
    with database.connect() as connection:
        for statement in READS:
            connection.execute(statement)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("CREATE UNIQUE INDEX CONCURRENTLY broken ON pages_page (seen)")
        connection.execute("SELECT count(*) FROM books_book WHERE author_id = 3")
    with measured("search"):
        for number in range(100):
            list(Page.objects.using("dba").filter(seen=number))


def tail_of(database: Database, start: str) -> str:
    with database.connect() as connection:
        [[name]] = connection.execute(
            "SELECT relname FROM pg_class WHERE starts_with(relname::text, %s)", [start]
        )
    return str(name)[len(start) :]
