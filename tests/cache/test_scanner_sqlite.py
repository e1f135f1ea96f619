"""The scanner against SQLite itself, which says of each statement what it will read and write.

``set_authorizer`` is asked while a statement is compiled: tables behind views, in triggers and in
foreign keys' actions included. The scanner and the catalogue may say more, never less.
"""

from __future__ import annotations

import os
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator

import pytest

from unhurried.cache._sql import Tables, _scanner, folded, tables_of
from unhurried.cache._sql._catalogue import Catalogue
from unhurried.cache._sql._functions import KNOWN_TO_SQLITE
from unhurried.cache._sql._of_sqlite import fill

SEED = int(os.environ.get("SEED", "0")) or random.randrange(1 << 32)
STATEMENTS = 3000
SCHEMA = """
CREATE TABLE author (id INTEGER PRIMARY KEY, name TEXT, born INT);
CREATE TABLE Book (id INTEGER PRIMARY KEY, title TEXT, n INT, author_id INT
    REFERENCES author (id) ON DELETE CASCADE);
CREATE TABLE "Order" (id INTEGER PRIMARY KEY, n INT, book_id INT
    REFERENCES Book (id) ON DELETE SET NULL ON UPDATE CASCADE);
CREATE TABLE audit (what TEXT, n INT);
CREATE TABLE "odd name" (id INTEGER PRIMARY KEY, n INT);
CREATE TABLE total (n INT);
CREATE VIEW Titles AS SELECT b.id, b.title, a.name FROM Book b JOIN author AS a ON a.id = author_id;
CREATE VIEW "Best Of" AS SELECT id, title FROM titles WHERE id IN (SELECT book_id FROM "Order");
CREATE TRIGGER on_book AFTER INSERT ON BOOK BEGIN
    INSERT INTO audit SELECT 'book', count(*) FROM "odd name";
    UPDATE total SET n = n + 1;
END;
CREATE TRIGGER on_total AFTER UPDATE OF n ON total WHEN new.n > 3 BEGIN
    DELETE FROM "odd name" WHERE n < new.n;
END;
CREATE TRIGGER on_titles INSTEAD OF UPDATE ON titles BEGIN
    UPDATE Book SET title = new.title WHERE id = new.id;
END;
"""
TABLES = {
    "author": ("id", "name", "born"),
    "Book": ("id", "title", "n"),
    '"Order"': ("id", "n", "book_id"),
    "audit": ("n", "what"),
    '"odd name"': ("id", "n"),
    "total": ("n",),
}
VIEWS = {"Titles": ("id", "title", "name"), '"Best Of"': ("id", "title")}
ALL = {**TABLES, **VIEWS}
DIFFERENT = {  # spellings that SQLite takes for the same
    "author": ["author", "AUTHOR", '"author"', "[author]", "`Author`", "main.author"],
    "Book": ["book", "Book", '"BOOK"', "[book]", 'main."book"', "main . Book"],
    '"Order"': ['"Order"', '"order"', "[ORDER]", '"main"."Order"'],
    '"odd name"': ['"odd name"', "[odd name]", "`Odd Name`"],
    "Titles": ["titles", "TITLES", '"Titles"'],
    '"Best Of"': ['"Best Of"', "[best of]"],
}


#: Where SQLite looks whether a foreign key is right, which tells nobody anything.
KEYS = {"author", "book", "order"}


class Maker:
    """Statements by chance, of a small grammar."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.ctes = 0

    def any(self, *choices: str) -> str:
        return self.dice.choice(choices)

    def source(self, names: dict[str, tuple[str, ...]]) -> tuple[str, tuple[str, ...]]:
        name = self.dice.choice(list(names))
        return self.dice.choice(DIFFERENT.get(name, [name])), names[name]

    def statement(self) -> str:
        self.ctes = 0
        kinds = [self.select, self.insert, self.update, self.delete, self.with_]
        made = self.dice.choice(kinds)(3)
        return self.dressed(made)

    def dressed(self, made: str) -> str:
        """Comments and line breaks that mean nothing."""
        noise = ["\n", "\t", " /* FROM audit */ ", " -- JOIN total\n", "  "]
        if any(quote in made for quote in "'\"[`") or self.dice.random() < 0.5:
            return made
        return " ".join(
            part + (self.dice.choice(noise) if self.dice.random() < 0.1 else "")
            for part in made.split(" ")
        )

    def select(self, depth: int) -> str:
        name, columns = self.source(ALL)
        column = self.dice.choice(columns)
        made = f"SELECT {self.what('t', column, depth)} FROM {name} {self.any('AS ', '')}t"
        for n in range(self.dice.randrange(3)):
            made += self.join(n, column, depth)
        if self.dice.random() < 0.6:
            made += f" WHERE {self.condition(f't.{column}', depth)}"
        if self.dice.random() < 0.2:
            made += f" GROUP BY t.{column} HAVING count(*) > {self.scalar(depth)}"
        if depth > 0 and self.dice.random() < 0.2:
            made += (
                f" {self.any('UNION', 'UNION ALL', 'EXCEPT', 'INTERSECT')} {self.one(depth - 1)}"
            )
        elif self.dice.random() < 0.2:
            made += f" ORDER BY {self.scalar(depth)} LIMIT 3"
        return made

    def what(self, alias: str, column: str, depth: int) -> str:
        return self.any(
            f"{alias}.{column}",
            f"max({alias}.{column}) FILTER (WHERE {alias}.{column} > 1)",
            f"CASE WHEN {self.condition(f'{alias}.{column}', depth)} THEN 1 ELSE 'from audit' END",
            self.scalar(depth),
            f"sum(1) OVER (PARTITION BY {alias}.{column})",
            f"CAST({alias}.{column} AS TEXT)",
        )

    def one(self, depth: int) -> str:
        """One column."""
        name, columns = self.source(ALL)
        return f"SELECT {self.dice.choice(columns)} FROM {name}"

    def join(self, n: int, column: str, depth: int) -> str:
        name, _ = self.source(ALL)
        inner = name if depth <= 0 or self.dice.random() < 0.7 else f"({self.one(depth - 1)})"
        other = f"u{n}"
        kind = self.any("JOIN", "LEFT JOIN", "CROSS JOIN", ",", "INNER JOIN", "LEFT OUTER JOIN")
        on = f" ON t.{column} = {self.scalar(depth)}" if kind not in (",", "CROSS JOIN") else ""
        return f"{' ' if kind != ',' else ''}{kind} {inner} {self.any('AS ', '')}{other}{on}"

    def condition(self, column: str, depth: int) -> str:
        if depth <= 0:
            return f"{column} > 3"
        return self.any(
            f"{column} IN ({self.one(depth - 1)})",
            f"EXISTS (SELECT 1 FROM {self.source(ALL)[0]} AS e WHERE {column} > 1)",
            f"{column} = {self.scalar(depth)}",
            f"NOT {column} IS DISTINCT FROM 5",
            f"{column} BETWEEN 1 AND {self.scalar(depth)}",
            f"{column} IN {self.source(ALL)[0]}"
            if self.dice.random() < 0
            else f"{column} LIKE 'x'",
        )

    def scalar(self, depth: int) -> str:
        if depth <= 0 or self.dice.random() < 0.5:
            return self.any("1", "'DELETE FROM total'", "?", ":name", "abs(-3)", "x'00'")
        return f"({self.one(depth - 1)} LIMIT 1)"

    def with_(self, depth: int) -> str:
        """Names that hide tables, too."""
        self.ctes += 1
        name = self.any(f"c{self.ctes}", "total", "AUDIT")
        recursive = self.any("", "RECURSIVE ")
        body = self.one(depth) if not recursive else f"SELECT 1 UNION ALL SELECT x + 1 FROM {name}"
        after = self.any(
            f"SELECT * FROM {name} AS t JOIN {self.source(ALL)[0]} AS u",
            f"INSERT INTO audit SELECT 'x', x FROM {name}",
            f"DELETE FROM Book WHERE n IN (SELECT x FROM {name})",
            f"UPDATE author SET born = (SELECT max(x) FROM {name})",
        )
        return f"WITH {recursive}{name}(x) AS ({body}) {after}"

    def insert(self, depth: int) -> str:
        name, columns = self.source(TABLES)
        column = self.dice.choice(columns)
        values = self.any("VALUES (?)", f"VALUES ({self.scalar(depth)})", self.one(depth))
        verb = self.any(
            "INSERT INTO", "INSERT OR REPLACE INTO", "REPLACE INTO", "INSERT OR IGNORE INTO"
        )
        return f"{verb} {name} ({column}) {values}" + self.returning(column, depth)

    def update(self, depth: int) -> str:
        name, columns = self.source({**TABLES, "Titles": ("title",)})
        column = self.dice.choice(columns)
        made = f"UPDATE {self.any('', 'OR IGNORE ')}{name} SET {column} = {self.scalar(depth)}"
        if "title" not in name.lower() and self.dice.random() < 0.3:
            made += f" FROM {self.source(ALL)[0]} AS f"
        return f"{made} WHERE {self.condition(column if ' AS f' not in made else '1', depth)}"

    def delete(self, depth: int) -> str:
        name, columns = self.source(TABLES)
        column = self.dice.choice(columns)
        made = f"DELETE FROM {name} WHERE {self.condition(column, depth)}"
        return made + self.returning(column, depth)

    def returning(self, column: str, depth: int) -> str:
        return f" RETURNING {column}, {self.scalar(depth)}" if self.dice.random() < 0.3 else ""


@pytest.fixture(scope="module")
def database() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("PRAGMA foreign_keys = on")
    connection.executescript(SCHEMA)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def catalogue(database: sqlite3.Connection) -> Catalogue:
    found = Catalogue(path=("main", "temp"), functions=dict(KNOWN_TO_SQLITE))
    fill(found, lambda sql: database.execute(sql).fetchall())
    return found


def said_by_sqlite(database: sqlite3.Connection, sql: str) -> tuple[set[str], set[str]] | None:
    """(read, written), or None where it is no statement."""
    read: set[str] = set()
    written: set[str] = set()

    def authorize(action: int, one: str | None, *_: object) -> int:
        if action == sqlite3.SQLITE_READ and one:
            read.add(one.lower())
        elif action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE):
            written.add(str(one).lower())
        return sqlite3.SQLITE_OK

    database.set_authorizer(authorize)
    try:
        database.execute(
            f"EXPLAIN {sql}", {"name": 1} if ":name" in sql and "?" not in sql else [1] * 9
        )
    except sqlite3.ProgrammingError:  # as many parameters as it has, which nobody has counted
        pass
    except sqlite3.Error:
        return None
    finally:
        database.set_authorizer(None)
    return read - {"sqlite_master"}, written - {"sqlite_master"}


def said_by_us(found: Tables, catalogue: Catalogue) -> tuple[set[str], set[str]]:
    return (
        {name.lower() for name in catalogue.read(found.reads)},
        {name.lower() for name in catalogue.written(found.writes)},
    )


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_a_table_is_one_however_it_is_spelled(catalogue: Catalogue, name: str) -> None:
    spelled = [tables_of(f"SELECT 1 FROM {each}", "sqlite").reads for each in DIFFERENT[name]]
    assert len({catalogue.read(each) for each in spelled}) == 1
    plain = name.strip('"')
    assert folded(plain, "sqlite") in catalogue.read(spelled[0])
    assert folded(plain, "postgresql") == plain


@pytest.mark.parametrize("action", ["ABORT", "FAIL", "IGNORE", "REPLACE", "ROLLBACK"])
def test_an_insert_that_minds_conflicts_writes(action: str) -> None:
    found = tables_of(f'INSERT OR {action} INTO "a b" (x) SELECT y FROM other', "sqlite")
    assert (found.writes, found.reads) == ({"a b"}, {"other"})


def test_long_lists_are_one() -> None:
    """As ``filter(pk__in=…)`` and ``bulk_create`` have them, each of another length."""
    for count in (300, 301, 999):
        marks = ", ".join(["%s"] * count)
        rows = ", ".join(["(%s, %s)"] * count)
        assert tables_of(f"SELECT 1 FROM a WHERE id IN ({marks})", "sqlite").reads == {"a"}
        inserted = tables_of(f"INSERT INTO a (x, y) VALUES {rows}", "sqlite")
        assert (inserted.writes, inserted.reads) == ({"a"}, set())
        both = tables_of(
            f"SELECT 1 FROM a WHERE id IN ({marks}) OR x IN (SELECT y FROM b)", "sqlite"
        )
        assert both.reads == {"a", "b"}
    before = len(_scanner._known)
    tables_of(f"SELECT 1 FROM a WHERE id IN ({', '.join(['%s'] * 777)})", "sqlite")
    assert len(_scanner._known) == before


def test_sqlite_knows_no_table_that_we_do_not(
    database: sqlite3.Connection, catalogue: Catalogue
) -> None:
    print(f"SEED={SEED}")  # noqa: T201 - to play it again
    maker, tally = Maker(random.Random(SEED)), Counter[str]()
    while tally["tried"] < STATEMENTS and tally["made"] < 10 * STATEMENTS:
        tally["made"] += 1
        sql = maker.statement()
        truth = said_by_sqlite(database, sql)
        if truth is None:
            continue
        tally["tried"] += 1
        found = tables_of(sql, "sqlite")
        read, written = said_by_us(found, catalogue)
        touched = read | written | (KEYS if truth[1] & KEYS else set())
        assert found.reads_all or truth[0] <= touched, (sql, truth, found)
        assert found.writes_all or truth[1] <= written, (sql, truth, found)
        tally["blind"] += found.reads_all
        tally["exact"] += (read | written, written) == (truth[0] | truth[1], truth[1])
    assert tally["tried"] == STATEMENTS, tally
    assert tally["blind"] < 0.05 * STATEMENTS, tally
    print(dict(tally))  # noqa: T201


@pytest.mark.parametrize(
    ("sql", "calls"),
    [
        ("WITH s(a, b) AS (SELECT id, n FROM book) SELECT max(a) FROM s", {"max"}),
        ("WITH RECURSIVE s(a) AS (SELECT 1) SELECT a FROM s", set()),
        ("WITH s AS (SELECT 1) SELECT s(1) FROM s", {"s"}),
        ("WITH s(a) AS (SELECT s(1)) SELECT a FROM s", {"s"}),
    ],
)
def test_a_common_table_with_columns_is_no_function(sql: str, calls: set[str]) -> None:
    """It was one that nobody knows, which may write anything: all that is kept went with it."""
    assert tables_of(sql, "sqlite").calls == calls


@pytest.mark.parametrize(
    ("sql", "calls"),
    [
        ("SELECT public.bump()", {"bump"}),
        ('SELECT public."bump"(1)', {"bump"}),
        ('SELECT "public"."bump"(1)', {"bump"}),
        ("SELECT n FROM book WHERE n > audit.log(n) AND t.n IN (1)", {"log"}),
        (
            "SELECT audit.insert(n), audit.update(n), audit.row(n) FROM book",
            {"insert", "update", "row"},
        ),
        ("SELECT n FROM audit.since(1)", {"since"}),
        ("INSERT INTO audit.log (n) SELECT (1)", set()),
        ('INSERT INTO "audit"."log" (n) VALUES (1) ON CONFLICT (n) DO NOTHING', set()),
        ('SELECT "t"."n" FROM "s"."t" WHERE "t"."n" IN (1) AND ("t"."m") > (2)', set()),
        ("SELECT n FROM s.t USING (n)", set()),
        ("SELECT pg_catalog.now()", {"now"}),
    ],
)
def test_a_function_may_be_called_with_its_schema(sql: str, calls: set[str]) -> None:
    """It was none, so that what it writes stayed as it was kept."""
    assert tables_of(sql, "postgresql").calls == calls


def test_what_a_call_with_a_schema_means_for_what_is_kept() -> None:
    assert tables_of("SELECT pg_catalog.now()", "postgresql").timed == "now()"
    set_ = "SELECT pg_catalog.set_config('search_path', 'x', false)"
    assert tables_of(set_, "postgresql").unstorable == "set_config()"
    for several in (f"{set_}; SELECT 1", "SELECT 1; SET search_path = x", "SET ROLE a; SELECT 1"):
        found = tables_of(several, "postgresql")
        assert found.unstorable
        assert (found.reads_all, found.writes_all) == ("set_config" not in several,) * 2
