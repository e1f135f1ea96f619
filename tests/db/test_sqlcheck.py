"""``manage.py unhurried sqlcheck``: what it prints and how it ends, on both databases."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from unhurried.db import SQLManager
from unhurried.db._sql._check import Checked, check
from unhurried.db._sql._manager import statements_of
from unhurried.queries import count_queries

from .shelf.models import Shelf, Stock, StockManager

pytestmark = pytest.mark.django_db
ON_POSTGRES = connection.vendor == "postgresql"
FILE = "tests/db/shelf/sql/stock.sql"


class Pair(NamedTuple):
    a: int
    b: str


def sqlcheck(capsys: Any, *arguments: str) -> tuple[int, str]:
    """(exit code, what was printed)."""
    code = 0
    try:
        call_command("unhurried", "sqlcheck", *arguments)
    except SystemExit as ended:
        code = int(str(ended.code))
    return code, capsys.readouterr().out


def checked(folder: Path, text: str, **names: Any) -> Checked:
    """The last statement of it."""
    (folder / "it.sql").write_text(text)
    kind: Any = type(
        "It", (SQLManager,), {"sql": folder / "it.sql", "__module__": __name__, **names}
    )
    return check(list(statements_of(kind))[-1], "default")


def said(folder: Path, text: str, **names: Any) -> list[str]:
    return [each.what for each in checked(folder, text, **names).findings]


@pytest.mark.parametrize("chosen", [("shelf",), ("shelf.Stock",), ("shelf.Stock", "shelf")])
def test_a_line_for_each_statement(capsys: Any, chosen: tuple[str, ...]) -> None:
    code, printed = sqlcheck(capsys, *chosen)
    lines = printed.splitlines()
    assert code == 0
    assert lines[:2] == [f"{FILE}:3  inventory  ok", f"{FILE}:13  line  ok"]
    assert len(lines) == len(list(statements_of(StockManager))) == 16
    assert all(line.endswith("  ok") for line in lines)


def test_all_of_them_if_none_is_chosen(capsys: Any) -> None:
    code, printed = sqlcheck(capsys)
    assert code == 0
    assert f"{FILE}:3 " in printed  # beside those of tests that have been imported
    assert all(line.endswith("  ok") for line in printed.splitlines())


def test_one_document(capsys: Any) -> None:
    code, printed = sqlcheck(capsys, "shelf", "--json", "--using", "default")
    [first, *_] = json.loads(printed)["statements"]
    assert code == 0
    assert {name: first[name] for name in ("file", "line", "name", "using", "state")} == {
        "file": FILE,
        "line": 3,
        "name": "inventory",
        "using": "default",
        "state": "ok",
    }
    assert [each["name"] for each in first["columns"]] == ["title", "copies"]
    if ON_POSTGRES:
        assert first["parameters"] == {"shop": "bigint", "least": "integer", "limit": "bigint"}
        assert first["columns"][1] == {"name": "copies", "type": "integer", "nullable": "no"}


def test_nothing_is_run(capsys: Any) -> None:
    before = list(Stock.objects.values_list())
    for _ in range(2):
        assert sqlcheck(capsys, "shelf")[0] == 0
    assert list(Stock.objects.values_list()) == before


def test_models_without_statements(capsys: Any) -> None:
    code, printed = sqlcheck(capsys, "auth.User")
    assert (code, printed.splitlines()) == (
        *(0, ["No model has an SQLManager: class BookManager(SQLManager): sql = …"]),
    )


def test_what_is_not_there() -> None:
    for arguments, says in (
        (["nowhere"], "No installed app with label 'nowhere'"),
        (["shelf.None"], "doesn't have a 'None' model"),
        (["a.b.c"], "a.b.c"),
        (["--using", "nowhere"], r"There is no database 'nowhere'\. There are: default"),
    ):
        with pytest.raises(CommandError, match=says):
            call_command("unhurried", "sqlcheck", *arguments)


def test_what_is_wrong_is_told_with_the_way_out(
    capsys: Any, monkeypatch: Any, tmp_path: Path
) -> None:
    """Of a manager whose file is not what its tables are."""
    text = (
        "-- name: good() -> int\nSELECT 1;\n\n-- name: bad(x: int) -> list[Pair]\nSELECT 1 AS a,\n"
    )
    text += "  nothing AS b\nFROM shelf_stock WHERE id = :x\n"
    text += "-- name: wrong() -> list[Pair]\nSELECT 1 AS a\n"
    (tmp_path / "it.sql").write_text(text)
    kind: Any = type("It", (SQLManager,), {"sql": tmp_path / "it.sql", "__module__": __name__})
    monkeypatch.setattr(Stock._meta.managers[0], "__class__", kind)
    code, printed = sqlcheck(capsys, "shelf.Stock")
    lines = printed.replace(str(tmp_path), "…").splitlines()
    assert code == 1
    assert lines[:2] == ["…/it.sql:1  good  ok", "…/it.sql:4  bad  wrong"]
    line, vendor = (6, "postgresql") if ON_POSTGRES else (4, "sqlite")
    assert lines[2].startswith(f"    …/it.sql:{line}: {vendor} refuses it: ")
    assert "nothing" in lines[2]
    assert lines[3:] == [
        "        Mend the SQL.",
        "…/it.sql:8  wrong  wrong",
        "    …/it.sql:8: there is no column for b (columns: a; fields: a, b).",
        "        Columns are matched by name: SELECT … AS name.",
    ]
    code, printed = sqlcheck(capsys, "shelf.Stock", "--json")
    found = json.loads(printed)["statements"]
    assert (code, [each["state"] for each in found]) == (1, ["ok", "wrong", "wrong"])
    assert found[2]["findings"][0]["way_out"] == "Columns are matched by name: SELECT … AS name."


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("() -> list[Pair]\nSELECT 1 AS a, 'x' AS b, 2 AS c", "Pair has no field for c"),
        ("() -> list[Pear]\nSELECT 1", "nobody knows what Pear is"),
        ("(x: itn) -> int\nSELECT :x", "nobody knows what itn is"),
        ("() -> list[Stock]\nSELECT title FROM shelf_stock", "there is no id, by which Stock"),
        ("() -> list[Stock]\nSELECT id, title AS n FROM shelf_stock", "n is no column of Stock"),
        ("() -> list[int]\nUPDATE shelf_stock SET copies = 1", "it gives no rows"),
        ("() -> rowcount\nUPDATE shelf_stock SET nothing = 1", "refuses it"),
        ("() -> rowcount\nDELETE shelf_stock", "refuses it"),
        ("() -> int\nSELEC 1", "refuses it"),
        ("(n: int) -> list[int]\nSELECT 1 FROM nothing LIMIT :n", "refuses it"),
    ],
)
def test_findings(tmp_path: Path, text: str, says: str) -> None:
    found = checked(tmp_path, f"-- name: it{text}", Stock=Stock)
    [finding] = found.findings
    assert says in finding.what
    assert finding.way_out
    assert found.state == "wrong"


@pytest.mark.parametrize(
    "text",
    [
        "(n: int) -> list[Pair]\nSELECT 1 AS a, 'x' AS b LIMIT :n OFFSET :n -- behind",
        "() -> list[Pair]\nWITH x AS (SELECT 1 AS a, 'x' AS b) SELECT * FROM x ORDER BY a",
        "() -> rowcount\nDELETE FROM shelf_stock",
        "() -> list[int]\nDELETE FROM shelf_stock RETURNING id",
        "(x: int) -> rowcount\nINSERT INTO shelf_tree (name, parent_id) VALUES ('100 %', :x)",
        "(x: int) -> int\nSELECT count(*) FROM shelf_stock WHERE id % 2 = :x",
        "() -> list[str]\nVALUES ('a'), ('b')",
        "() -> int\nSELECT 1 UNION SELECT 2",
    ],
)
def test_what_is_right(tmp_path: Path, text: str) -> None:
    found = checked(tmp_path, f"-- name: it{text}")
    assert (found.state, found.findings) == ("ok", [])


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT calls(1) AS n",
        "SELECT sum(calls(id)) FROM shelf_shelf",
        "WITH a AS MATERIALIZED (SELECT calls(id) AS n FROM shelf_shelf) SELECT a.* FROM a, a b",
        "WITH RECURSIVE a(n) AS (SELECT 1 UNION ALL SELECT calls(n) FROM a) SELECT n FROM a",
        "SELECT 1 AS n LIMIT calls(1)",
    ],
)
def test_sqlite_calls_nothing(tmp_path: Path, sql: str) -> None:
    if ON_POSTGRES:
        return
    Shelf.objects.create(name="a")
    called: list[int] = []
    connection.connection.create_function("calls", 1, called.append)
    with count_queries() as queries:
        found = checked(tmp_path, f"-- name: it() -> int | None\n{sql}")
    assert (found.state, called, queries.total) == ("ok", [], 0)
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_temp_master")
        assert cursor.fetchone() == (0,)


def test_pragmas_are_not_looked_at(tmp_path: Path) -> None:
    """SQLite does some of them as it compiles them."""
    if ON_POSTGRES:
        return
    text = "-- name: it() -> rowcount\nPRAGMA user_version = 77"
    found = checked(tmp_path, text)
    assert (found.state, found.why) == ("skipped", "PRAGMA can't be looked at without running it")
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA user_version")
        assert cursor.fetchone() == (0,)


def test_a_database_that_is_not_asked(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(connection, "vendor", "mysql")
    found = checked(tmp_path, "-- name: it() -> int\nSELECT 1")
    assert (found.state, found.why) == ("skipped", "mysql is not asked")
    assert said(tmp_path, "-- name: it() -> int\nSELECT '\\'") == [
        "mysql may read \\ in another way than PostgreSQL."
    ]


def test_it_imports_nothing() -> None:
    """What it needs is there once the models are."""
    before = set(sys.modules)
    call_command("unhurried", "sqlcheck", "shelf", "--json")
    assert not {name for name in set(sys.modules) - before if name.startswith("tests")}


def test_the_how_tos_file_is_right_and_is_what_the_page_shows() -> None:
    docs = Path(__file__).parents[2] / "docs" / "howto"
    text = (docs / "sql" / "page.sql").read_text()
    assert f"```sql\n{text}```" in (docs / "report-in-sql.md").read_text()

    @dataclass
    class Top:
        title: str
        views: int
        share: float

    attributes = {"sql": docs / "sql" / "page.sql", "Top": Top}
    kind: Any = type("PageManager", (SQLManager,), attributes)
    found = [check(each, "default") for each in statements_of(kind)]
    assert [(each.state, each.findings) for each in found] == [("ok", [])] * 3
