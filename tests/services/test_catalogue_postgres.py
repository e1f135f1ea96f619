"""What PostgreSQL's catalogue says that no statement does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from unhurried.cache._sql import EVERYTHING, tables_of
from unhurried.cache._sql._catalogue import Catalogue
from unhurried.cache._sql._of_postgresql import fill

SCHEMA = """
CREATE ROLE reader;
CREATE TABLE member (name text);
CREATE TABLE book (title text, owner text);
CREATE TABLE plain (n int);
CREATE POLICY mine ON book USING (owner IN (SELECT name FROM member));
ALTER TABLE book ENABLE ROW LEVEL SECURITY;
GRANT SELECT ON book, plain, member TO reader;
"""


@pytest.fixture
def connection(postgres_server: Any) -> Iterator[Any]:
    with psycopg.connect(
        host="127.0.0.1", port=postgres_server.port, user="postgres", dbname="postgres"
    ) as made:
        made.execute(SCHEMA)
        yield made
        made.rollback()


def catalogue(connection: Any) -> Catalogue:
    found = Catalogue()
    fill(found, lambda sql: connection.execute(sql).fetchall())
    return found


def test_a_policy_may_read_anything_for_whom_it_applies_to(connection: Any) -> None:
    assert catalogue(connection).read({"book"}) == {"book"}  # not to a superuser
    connection.execute("SET ROLE reader")
    found = catalogue(connection)
    assert found.read({"book"}) == {"book", EVERYTHING}
    assert found.read({"plain"}) == {"plain"}


@pytest.mark.parametrize(
    "call",
    [
        "table_to_xml_and_xmlschema('book', true, false, '')",
        "database_to_xml_and_xmlschema(true, false, '')",
        "lowrite(1, 'x')",
        "pg_read_binary_file('x')",
    ],
)
def test_functions_that_reach_for_more(connection: Any, call: str) -> None:
    found = tables_of(f"SELECT {call}", "postgresql")
    assert catalogue(connection).called(found.calls) == (True, True)
