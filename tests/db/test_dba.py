"""The ten questions without PostgreSQL; one key for both sides' texts; how the letter reads."""

from __future__ import annotations

import json
from importlib.resources import files
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from unhurried.db import DbError
from unhurried.db._dba import _ties
from unhurried.db._dba._asking import text
from unhurried.db._dba._numbers import percent, plural, seconds, size, span
from unhurried.db.reading import QUESTIONS, Answer, Item, Report, ask_dba
from unhurried.management._dba import Letter
from unhurried.queries.reading import cursor, fingerprint, key, key_of_postgresql

ON_POSTGRES = connection.vendor == "postgresql"


@pytest.mark.skipif(ON_POSTGRES, reason="says what another database says")
class TestElsewhere:
    def test_they_are_postgresqls(self) -> None:
        with pytest.raises(DbError) as caught:
            ask_dba("default")
        assert caught.value.message == (
            "The ten questions are PostgreSQL's, and 'default' is SQLite."
        )
        assert "--using" in caught.value.hint

    def test_the_command_says_so(self) -> None:
        out = StringIO()
        with pytest.raises(CommandError, match="The ten questions are PostgreSQL's"):
            call_command("unhurried", "dba", "--json", stdout=out)
        assert out.getvalue() == ""


@pytest.mark.skipif(not ON_POSTGRES, reason="asks one")
@pytest.mark.django_db
def test_inside_a_test_that_is_rolled_back() -> None:
    report = ask_dba("default")
    assert {each.name for each in report.answers} == set(QUESTIONS)
    json.dumps(report.as_dict())


def test_an_alias_there_is_not() -> None:
    with pytest.raises(DbError, match="No database is called 'nowhere'"):
        ask_dba("nowhere")


def test_a_question_there_is_not() -> None:
    with pytest.raises(CommandError, match="invalid choice: 'nonsense'"):
        call_command("unhurried", "dba", "--only", "nonsense")


class TestFiles:
    NAMES = [path.name for path in (files("unhurried.db") / "sql").iterdir()]

    def test_there_are_some(self) -> None:
        assert {"statements.sql", "indexes.sql", "sequences.sql"} <= set(self.NAMES)

    @pytest.mark.parametrize("name", NAMES)
    def test_each_says_what_it_asks_and_where_it_is_from(self, name: str) -> None:
        found = text(name.removesuffix(".sql"))
        comment = [line for line in found.splitlines() if line.startswith("--")]
        assert "?" in " ".join(comment)
        assert "-- Source: PostgreSQL, " in found
        assert "SELECT /* unhurried dba */" in found
        assert ";" not in "\n".join(line for line in found.splitlines() if line[:2] != "--")


PAIRS = [
    ("SELECT a FROM t WHERE b = %s", "SELECT a FROM t WHERE b = $1"),
    ("SELECT a FROM t WHERE b = 5", "SELECT a FROM t WHERE b = $1"),
    ("SELECT a FROM t WHERE b > %s", "SELECT a FROM t WHERE b > $1::timestamptz"),
    ("SELECT a FROM t WHERE b = %s::uuid", "SELECT a FROM t WHERE b = $1::uuid::uuid"),
    ("SELECT a FROM t WHERE b IN (%s, %s)", "SELECT a FROM t WHERE b IN ($1, $2,  $3)"),
    ("SELECT a FROM t WHERE b IN (%s)", "SELECT a FROM t WHERE b IN ($1 /*, ... */)"),
    ("SELECT a FROM t WHERE b IN %s", "SELECT a FROM t WHERE b IN ($1, $2)"),
    ("SELECT a FROM t WHERE b = ANY(%s)", "SELECT a FROM t WHERE b = ANY($1::int4[])"),
    ("SELECT a FROM t WHERE b = ANY(%s)", "SELECT a FROM t WHERE b = ANY(ARRAY[$1,$2])"),
    ("SELECT a FROM t WHERE b IS NULL", "SELECT a FROM t WHERE b IS NULL"),
    ("SELECT TRUE, a %% 2", "SELECT $1, a % $2"),
    ("INSERT INTO t VALUES (%s, NULL)", "INSERT INTO t VALUES ($1, $2)"),
    ("INSERT INTO t VALUES (%s), (%s)", "INSERT INTO t VALUES ($1::date), ($2::date), ($3::date)"),
    ("SELECT EXTRACT(YEAR FROM a) FROM t", "SELECT EXTRACT($1 FROM a) FROM t"),
    ("SELECT a FROM t", 'DECLARE "c_1" NO SCROLL CURSOR WITH HOLD FOR SELECT a FROM t'),
    ("SELECT a FROM t WHERE b = 'it''s' -- x", "SELECT a\n  FROM t WHERE b =  $1 /* y */"),
    (
        f"SELECT {', '.join(f'column_{n}' for n in range(200))} FROM t WHERE a = %s",
        f"SELECT {', '.join(f'column_{n}' for n in range(200))} FROM t WHERE a = $1::timestamptz",
    ),
    (
        f"INSERT INTO t VALUES {', '.join(['(%s, %s)'] * 5000)} RETURNING a",
        f"INSERT INTO t VALUES {', '.join(f'(${n}, ${n + 1}::date)' for n in range(9999))}"
        " RETURNING a",
    ),
]


@pytest.mark.parametrize(("ours", "theirs"), PAIRS, ids=range(len(PAIRS)))
def test_one_key_for_both_sides(ours: str, theirs: str) -> None:
    assert key(fingerprint(ours, "postgresql")) == key_of_postgresql(theirs)


DIFFERENT = [
    "SELECT a FROM t WHERE b = $1",
    "SELECT a FROM t WHERE c = $1",
    "SELECT a FROM t WHERE b > $1",
    "SELECT a FROM t WHERE b = $1 FOR UPDATE",
    "SELECT a FROM t WHERE b IS NULL",
    "SELECT a FROM t WHERE b IS NOT NULL",
    "SELECT a FROM t WHERE b IN ($1)",
    "DELETE FROM t WHERE b = $1",
]


def test_what_differs_has_keys_that_differ() -> None:
    assert len({key_of_postgresql(each) for each in DIFFERENT}) == len(DIFFERENT)


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("BEGIN", _ties.CONTROL),
        ('RELEASE SAVEPOINT "s1"', _ties.CONTROL),
        ('CLOSE "c"', _ties.CONTROL),
        ("SET TIME ZONE 'UTC'", _ties.SETUP),
        ("SELECT set_config($1, $2, $3)", _ties.SETUP),
        ("SHOW server_version", _ties.SETUP),
        (
            'SELECT $2 FROM ONLY "public"."a" x WHERE "id" OPERATOR(pg_catalog.=) $1 FOR KEY SHARE',
            _ties.KEYS,
        ),
        ("SELECT relname FROM pg_catalog.pg_class c JOIN pg_namespace n ON $1", _ties.CATALOGUE),
        ("SELECT a FROM information_schema.columns", _ties.CATALOGUE),
        ("SELECT pg_sleep($1)", _ties.CATALOGUE),
        ("SELECT a FROM t, pg_class", _ties.UNTIED),
        ("SELECT a FROM pg_class JOIN t ON $1", _ties.UNTIED),
        ("SETTLE", _ties.UNTIED),
    ],
)
def test_what_no_line_asks(sql: str, kind: str) -> None:
    assert _ties.kind_of(sql) == kind


def test_what_is_fetched_is_of_the_cursors_query() -> None:
    texts = ['DECLARE "c_1" CURSOR FOR SELECT a FROM t', 'FETCH FORWARD 100 FROM "c_1"']
    found = _ties.Cursors(texts)
    assert [cursor(each) for each in texts] == ['"c_1"', '"c_1"']
    assert {found.key(each) for each in texts} == {key_of_postgresql("SELECT a FROM t")}
    assert found.key('FETCH FORWARD 100 FROM "c_2"') != key_of_postgresql("SELECT a FROM t")


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (size(0), "0 bytes"),
        (size(1023), "1023 bytes"),
        (size(1 << 20), "1 MB"),
        (size(3.4 * (1 << 30)), "3.4 GB"),
        (seconds(0.0000021), "2 µs"),
        (seconds(0.00288), "2.88 ms"),
        (seconds(12.34), "12.3 s"),
        (seconds(7200), "2 hours"),
        (span(59), "59 seconds"),
        (span(3 * 86400), "3 days"),
        (percent(0), "0 %"),
        (percent(0.0004), "<0.1 %"),
        (percent(0.031), "3.1 %"),
        (percent(0.41), "41 %"),
        (plural(1, "index"), "1 index"),
        (plural(2000, "index"), "2,000 indexes"),
        (plural(2, "row"), "2 rows"),
    ],
)
def test_numbers(found: str, said: str) -> None:
    assert found == said


REPORT = Report(
    *("default", "shop\x1b[31m", "15.4", "web", "3 GB", None),
    (
        Answer(
            *("invalid", "Invalid indexes", "bad", "1 index", "There should be none."),
            (),
            (Item("broken on books.Book", "2 MB", ("REINDEX INDEX CONCURRENTLY broken;",)),),
        ),
        Answer("server", "Connections", "fine", "3 of 97", "A reason. " * 30, facts=("2 idle",)),
    ),
)


@pytest.mark.parametrize("width", [20, 80, 300])
def test_the_letter_in_any_width(width: int) -> None:
    lines = list(Letter(REPORT, width, colour=False).lines())
    assert max(map(len, lines)) <= max(40, min(width, 100))
    assert not [line for line in lines if "\x1b" in line]
    flowing = " ".join(" ".join(lines).split())
    assert flowing.index("To be done now") < flowing.index("Nothing to do")
    assert "+ REINDEX INDEX CONCURRENTLY broken;" in flowing
    assert "Connections: 3 of 97" in flowing


def test_the_letter_in_colour() -> None:
    lines = list(Letter(REPORT, 80, colour=True).lines())
    assert "\x1b[31mTo be done now\x1b[0m" in lines
    assert "\x1b[32mNothing to do\x1b[0m" in lines
