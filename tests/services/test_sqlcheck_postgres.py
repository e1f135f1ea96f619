"""What PostgreSQL says of statements that it prepares and does not run: types, NULLs, places."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NewType, TypedDict  # noqa: F401

import pytest
from django.db import connections, models
from django.db.models import TextChoices
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unhurried.db import SQLManager
from unhurried.db._sql._check import Checked, check
from unhurried.db._sql._lexer import MARK, UnclosedError, tokens
from unhurried.db._sql._manager import statements_of

ALIAS = "sqlcheck"
SCHEMA = """
CREATE EXTENSION citext;
CREATE TYPE hue AS ENUM ('red', 'blue');
CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
CREATE DOMAIN most AS positive;
CREATE TABLE shop (id bigint PRIMARY KEY, name text NOT NULL, closed date);
CREATE TABLE "Odd ""Table" (id int PRIMARY KEY, "a b" text NOT NULL, "Ünï" int);
CREATE TABLE kinds (
    small smallint, number integer, big bigint, half real, whole double precision, price numeric,
    text text, short varchar(9), fixed char(3), name name, insensitive citext, flag boolean,
    day date, hour time, moment timestamptz, naive timestamp, took interval, key uuid, raw bytea,
    doc json, docb jsonb, ints integer[], texts text[], hue hue, most most, many positive[],
    hues hue[], address inet, range int4range, point point, xml xml, hours timetz
);
CREATE VIEW open_shops AS SELECT id, name FROM shop WHERE closed IS NULL;
CREATE TABLE parts (id int NOT NULL, n int) PARTITION BY RANGE (id);
CREATE TABLE ran (n int);
CREATE FUNCTION runs() RETURNS int LANGUAGE sql AS 'INSERT INTO ran VALUES (1) RETURNING n';
"""
Check = Callable[..., Checked]


class Hue(TextChoices):
    RED = "red"
    BLUE = "blue"


class Doc(TypedDict):
    a: int


Price = NewType("Price", float)


@dataclass
class Shop:
    id: int
    name: str
    closed: Any


class Elsewhere:
    """A class that nobody knows."""


@pytest.fixture(scope="module")
def server(postgres_server: Any, django_db_blocker: Any) -> Iterator[Any]:
    """Outside of any transaction, as the command runs."""
    own = {**connections.settings["default"], "ENGINE": "django.db.backends.postgresql"}
    own |= {"HOST": "127.0.0.1", "PORT": postgres_server.port, "USER": "postgres"}
    connections.settings[ALIAS] = {**own, "NAME": "postgres"}
    with django_db_blocker.unblock():
        connection = connections[ALIAS]
        with connection.cursor() as cursor:
            cursor.execute("CREATE DATABASE sqlcheck")
        connection.close()
        connection.settings_dict["NAME"] = "sqlcheck"
        with connection.cursor() as cursor:
            cursor.execute(SCHEMA)
        yield connection
        connection.close()
    del connections[ALIAS], connections.settings[ALIAS]


@pytest.fixture
def ask(server: Any, tmp_path: Path) -> Check:
    def ask(text: str) -> Checked:
        (tmp_path / "it.sql").write_text(f"-- name: it{text}")
        attributes = {"sql": tmp_path / "it.sql", "__module__": __name__}
        kind: Any = type("It", (SQLManager,), attributes)
        [statement] = statements_of(kind)
        return check(statement, ALIAS)

    return ask


def whats(found: Checked) -> list[str]:
    return [each.what for each in found.findings]


FITS: dict[str, str] = {
    "small": "int", "number": "int", "big": "int", "half": "float", "whole": "float",
    "price": "Decimal", "text": "str", "short": "str", "fixed": "str", "name": "str",
    "insensitive": "str", "flag": "bool", "day": "date", "hour": "time", "moment": "datetime",
    "naive": "datetime", "took": "timedelta", "key": "UUID", "raw": "bytes", "doc": "dict",
    "docb": "list", "ints": "list[int]", "texts": "list[str]", "hue": "str", "most": "int",
    "many": "list[int]", "hues": "list[str]", "address": "str", "xml": "str", "hours": "time",
}  # fmt: skip


@pytest.mark.parametrize("column", FITS)
def test_each_type_fits_its_own_and_no_other(ask: Check, column: str) -> None:
    own = FITS[column]
    asked = f"() -> list[{{}} | None]\nSELECT {column} FROM kinds"
    assert ask(asked.format(own)).findings == []
    assert ask(asked.format("Any")).findings == []
    assert ask(asked.format("Elsewhere")).findings[0].what.startswith("nobody knows how a row")
    for other in {"int", "str", "bool", "date", "datetime", "Decimal", "UUID", "bytes"} - {own}:
        [found] = ask(asked.format(other)).findings
        assert found.what.startswith(f"the column {column} is ")
        assert found.way_out.startswith("Say ")


@pytest.mark.parametrize(
    ("column", "fits", "does_not"),
    [
        ("number", ["float", "int | str", "Price", "Literal[1, 2]"], ["Hue", "Literal['a']"]),
        ("hue", ["Hue", "Literal['red']"], ["list[str]", "Literal[1]"]),
        ("text", ["Hue"], ["Price"]),
        ("ints", ["list[Any]", "list[float]"], ["list[str]", "dict", "int"]),
        ("docb", ["Doc", "dict[str, int]", "dict | Doc"], ["str", "bytes"]),
        ("raw", ["memoryview", "bytes | memoryview"], ["str"]),
        ("moment", [], ["date", "date | time"]),
        ("range", ["int", "str"], []),
        ("point", ["float"], []),
    ],
)
def test_types_of_other_names(
    ask: Check, column: str, fits: list[str], does_not: list[str]
) -> None:
    """Types that nobody knows fit all."""
    for said, wanted in [*((each, 0) for each in fits), *((each, 1) for each in does_not)]:
        found = ask(f"() -> list[{said} | None]\nSELECT {column} FROM kinds").findings
        assert len(found) == wanted, said


@pytest.mark.parametrize(
    ("sql", "nullable"),
    [
        ("SELECT name AS it FROM shop", "no"),
        ("SELECT closed AS it FROM shop", "yes"),
        ("SELECT s.id AS it FROM shop s JOIN kinds k ON k.big = s.id", "no"),
        ("SELECT it FROM (SELECT name AS it FROM shop) x", "no"),
        ("WITH x AS (SELECT closed AS it FROM shop) SELECT it FROM x", "yes"),
        ("SELECT n AS it FROM parts", "yes"),
        ("SELECT id AS it FROM parts", "no"),
        ('SELECT "a b" AS it FROM "Odd ""Table"', "no"),
        ('SELECT "Ünï" AS it FROM "Odd ""Table"', "yes"),
        ("INSERT INTO shop (id, name) VALUES (1, 'x') RETURNING name AS it", "no"),
        ("UPDATE shop SET closed = NULL RETURNING closed AS it", "yes"),
        ("SELECT s.name AS it FROM kinds k LEFT JOIN shop s ON k.big = s.id", "unknown"),
        ("SELECT s.name AS it FROM shop s RIGHT JOIN kinds k ON k.big = s.id", "unknown"),
        ("SELECT s.name AS it FROM shop s FULL OUTER JOIN kinds k ON k.big = s.id", "unknown"),
        ("SELECT it FROM (SELECT s.name AS it FROM kinds LEFT JOIN shop s ON true) x", "unknown"),
        ("SELECT name AS it FROM shop GROUP BY ROLLUP (name)", "unknown"),
        ("SELECT name AS it FROM shop GROUP BY GROUPING SETS ((name), ())", "unknown"),
        ("SELECT name AS it FROM shop UNION SELECT text FROM kinds", "unknown"),
        ("SELECT name || '' AS it FROM shop", "unknown"),
        ("SELECT (SELECT name FROM shop WHERE id = 0) AS it", "unknown"),
        ("SELECT max(id) AS it FROM shop", "unknown"),
        ("SELECT name AS it FROM open_shops", "unknown"),
        ("SELECT closed AS it FROM shop WHERE closed IS NOT NULL", "unknown"),
        ("SELECT closed AS it FROM shop WHERE closed NOTNULL", "unknown"),
        ("SELECT closed AS it FROM shop WHERE name IS NOT NULL", "yes"),
        ("SELECT '… LEFT JOIN' AS other, closed AS it FROM shop -- left", "yes"),
    ],
)
def test_nulls_are_never_guessed(ask: Check, sql: str, nullable: str) -> None:
    found = ask(f"() -> list[Any]\n{sql}")
    assert found.told is not None
    assert found.told.columns is not None
    assert found.told.columns[-1].nullable == nullable


def test_a_null_that_is_not_said(ask: Check) -> None:
    [found] = ask("() -> list[date]\nSELECT closed FROM shop").findings
    assert found.what == "the column closed may be NULL, and date is date."
    assert found.way_out == "Say date | None, coalesce() it, or ask for what IS NOT NULL."
    assert ask("() -> list[date | None]\nSELECT closed FROM shop").findings == []
    assert ask("() -> list[str]\nSELECT name FROM shop").findings == []
    assert ask("() -> list[Shop]\nSELECT id, name, closed FROM shop").findings == []


def test_the_fields_of_a_row(ask: Check) -> None:
    found = ask("() -> list[Shop]\nSELECT name AS id, closed AS name, id AS extra FROM shop")
    assert whats(found) == [
        "there is no column for closed and Shop has no field for extra "
        "(columns: id, name, extra; fields: id, name, closed).",
        "the column id is text, and Shop.id is int.",
        "the column name is date, and Shop.name is str.",
        "the column name may be NULL, and Shop.name is str.",
    ]
    [found] = ask("() -> list[Shop]\nSELECT id, id, name, closed FROM shop").findings
    assert found.what == "two columns are called id."


@pytest.mark.parametrize(
    ("parameter", "sql", "says"),
    [
        (
            "int",
            "SELECT 1 FROM shop WHERE name = :x",
            ":x is int, and stands where text is",
        ),
        (
            "str",
            "SELECT 1 FROM shop WHERE id = :x",
            ":x is str, and stands where bigint",
        ),
        ("str", "SELECT 1 FROM shop LIMIT :x", ":x is str, and stands where bigint"),
        (
            "int | str",
            "SELECT 1 FROM shop WHERE id = :x",
            ":x is int | str, and stands where",
        ),
        ("int", "SELECT 1 FROM kinds WHERE hue = :x", ":x is int, and stands where hue is"),
        ("list[str]", "SELECT 1 FROM shop WHERE id = ANY(:x)", ":x is list[str], and stands where"),
        ("int", "SELECT 1 FROM shop WHERE id = ANY(:x)", "stands where bigint[] is wanted."),
        ("bool", "SELECT 1 FROM kinds WHERE most = :x", ":x is bool, and stands where"),
        ("datetime", "SELECT 1 FROM kinds WHERE took = :x", "stands where interval is wanted."),
    ],
)
def test_parameters_that_do_not_fit(ask: Check, parameter: str, sql: str, says: str) -> None:
    [found] = ask(f"(x: {parameter}) -> list[int]\n{sql}").findings
    assert says in found.what
    assert found.way_out.startswith("Say x: ")


@pytest.mark.parametrize(
    ("parameter", "sql"),
    [
        ("int", "SELECT 1 FROM shop WHERE id = :x"),
        ("int | None", "SELECT 1 FROM shop WHERE id = :x"),
        ("int", "SELECT 1 FROM kinds WHERE price > :x AND whole > :x"),
        ("Decimal", "SELECT 1 FROM kinds WHERE price > :x"),
        ("date", "SELECT 1 FROM kinds WHERE moment > :x"),
        ("datetime", "SELECT 1 FROM kinds WHERE day > :x"),
        ("Hue", "SELECT 1 FROM kinds WHERE hue = :x"),
        ("str", "SELECT 1 FROM kinds WHERE hue = :x AND insensitive = 'x'"),
        ("list[int]", "SELECT 1 FROM shop WHERE id = ANY(:x)"),
        ("tuple", "SELECT 1 FROM shop WHERE id = ANY(:x)"),
        ("dict", "SELECT 1 FROM kinds WHERE docb @> :x"),
        ("Any", "SELECT 1 FROM shop WHERE id = :x"),
        ("Elsewhere", "SELECT 1 FROM shop WHERE id = :x"),
        # What its place does not say is what the argument will be.
        ("date | None", "SELECT 1 FROM shop WHERE :x IS NULL OR closed = :x"),
        ("int", "SELECT :x + :x"),
        ("int", "SELECT 1 WHERE :x IS NULL"),
        ("str", "SELECT 1 WHERE length(:x) > 1 OR :x IS NULL"),
        ("date", "SELECT 1 FROM kinds WHERE day = :x OR moment > :x"),
    ],
)
def test_parameters_that_fit(ask: Check, parameter: str, sql: str) -> None:
    found = ask(f"(x: {parameter}) -> list[int]\n{sql}")
    assert whats(found) == []


def test_the_line_that_postgresql_points_at(ask: Check) -> None:
    text = "(x: int) -> int\n-- words\n\nSELECT 'ä\n%',\n  :x,\n  (nothing)::int FROM shop"
    [found] = ask(text).findings
    assert (found.place.line, found.what) == (
        *(7, 'postgresql refuses it: column "nothing" does not exist.'),
    )
    [found] = ask("(x: int) -> int\nSELECT nme,\n :x FROM shop").findings
    assert found.place.line == 2
    assert 'Perhaps you meant to reference the column "shop.name"' in found.what
    [found] = ask("() -> int\nSELECT\n1\nFROM").findings
    assert (found.place.line, "at end of input" in found.what) == (4, True)


def test_nothing_is_run_and_nothing_stays(ask: Check, server: Any) -> None:
    for text in (
        "() -> int\nSELECT runs()",
        "() -> rowcount\nINSERT INTO ran VALUES (1)",
        "() -> rowcount\nDROP TABLE ran",
        "() -> rowcount\nTRUNCATE ran",
        "() -> rowcount\nCREATE TABLE made (n int)",
        "() -> int\nSELECT 1 / 0",
        "() -> int\nSELECT pg_sleep(1000)",
        "() -> rowcount\nSELEC",
        "() -> rowcount\nCOMMIT",
    ):
        ask(text)
        assert not server.in_atomic_block
    with server.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ran")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT count(*) FROM pg_prepared_statements")
        assert cursor.fetchone() == (0,)
        cursor.execute("SELECT to_regclass('made')")
        assert cursor.fetchone() == (None,)


def test_models(ask: Check, monkeypatch: Any) -> None:
    class Store(models.Model):
        name = models.TextField()

        class Meta:
            app_label = "nowhere"
            managed = False

        def __str__(self) -> str:
            return self.name

    monkeypatch.setitem(globals(), "Store", Store)
    assert ask("() -> list[Store]\nSELECT id, name FROM shop").findings == []
    assert whats(ask("() -> list[Store]\nSELECT name FROM shop")) == [
        "there is no id, by which Store is known."
    ]
    assert whats(ask("() -> list[Store]\nSELECT * FROM shop")) == [
        "closed is no column of Store: an attribute that its class does not name."
    ]


PIECES = st.sampled_from(
    [
        *("'", "''", "\\", "E'", "$$", "$a$", "$", "a", "1", " ", "\n", "--", "/*", "*/", ":x"),
        *("::text", "||", '"', "U&'", ",", "(", ")", "[", "]", ":", "é", "\xa0", "\x0c", ";"),
    ]
)


@settings(
    max_examples=1500,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
@given(
    body=st.lists(PIECES, max_size=9).map("".join),
    literal=st.sampled_from(["'q'", "E'q\\''", "$a$:x$a$", "'a' || :x", "/* :x */ 'c'", '"x" :x']),
)
def test_postgresql_sees_the_placeholders_that_we_see(server: Any, body: str, literal: str) -> None:
    """Of whatever it takes for SQL; what we take for unclosed it takes for nothing."""
    sql, driver = f"SELECT 'a' {body} {literal}", server.connection.pgconn
    try:
        found = list(tokens(sql))
    except UnclosedError:
        assert driver.prepare(b"", sql.encode()).error_message
        return
    at, parts = 0, []
    for token in found:
        if token.kind == MARK:
            parts += [sql[at : token.start], " $1::text "]
            at = token.end
    if not driver.prepare(b"", "".join([*parts, sql[at:]]).encode()).error_message:
        assert driver.describe_prepared(b"").nparams == bool(parts)
