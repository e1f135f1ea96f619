"""What a file of SQL may say: tokens, headers, and what is wrong, by its line."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unhurried.db import DbError, SQLManager
from unhurried.db._sql._file import statements_in
from unhurried.db._sql._lexer import MARK, UnclosedError, tokens
from unhurried.db._sql._statement import Statement


def marks(sql: str) -> list[str]:
    return [token.text for token in tokens(sql) if token.kind == MARK]


@pytest.mark.parametrize(
    ("sql", "wanted"),
    [
        ("SELECT :a, :b_2, :a", [":a", ":b_2", ":a"]),
        ("SELECT ':a', ''':a', 'it''s :a'", []),
        ("SELECT ':a\\', :b, ':c'", [":b"]),
        (r"SELECT E':a\'', :b, e'\\', :c", [":b", ":c"]),
        ("SELECT E'x'\n  '\\':a', :b", [":b"]),
        ("SELECT E'x' -- :c '\n'\\':a', :b", [":b"]),
        ("SELECT 'x'\n  '\\', :b", [":b"]),
        (r"SELECT nameE'\', :b", [":b"]),
        (r"SELECT U&'\', :b, B'1', X'a'", [":b"]),
        ('SELECT ":a", "x"":a", U&":a", :b', [":b"]),
        ("SELECT 1 -- :a it's\n, :b", [":b"]),
        ("SELECT /* :a /* ' */ :a */ :b", [":b"]),
        ("SELECT $$ :a ' $$, :b", [":b"]),
        ("SELECT $t$ :a $$ $T$ :a $t$, :b", [":b"]),
        ("SELECT $é$ :a $é$, :b", [":b"]),
        ("SELECT a$$, :b, c$$", [":b"]),
        ("SELECT 1$$ :a $$, :b", [":b"]),
        ("SELECT x::int, :a::int, now()::date", [":a"]),
        ("SELECT f(x := 1, y := :a, z :=:b)", [":a", ":b"]),
        ("SELECT a[1:2], a[lo:hi], a[:n], a[:lo:5], a[f(1):hi], b[1:2][3:x]", [":n", ":lo"]),
        ("SELECT ARRAY[:a, :b], a[:a : :b]", [":a", ":b", ":a", ":b"]),
        ("SELECT CASE WHEN:a THEN:b ELSE(:c)END", [":a", ":b", ":c"]),
        ("SELECT a@>:a, b?:b, c->>:c", [":a", ":b", ":c"]),
        ("SELECT '12:30', 12:30", []),
        ("SELECT : a, :1", []),
        ("SELECT :größe", [":größe"]),
    ],
)
def test_placeholders(sql: str, wanted: list[str]) -> None:
    assert marks(sql) == wanted


@pytest.mark.parametrize("sql", ["'", "'a''", '"', '"a""', "E'\\'", "$$", "$a$ $b$", "/* /* */"])
def test_what_never_ends(sql: str) -> None:
    with pytest.raises(UnclosedError) as found:
        list(tokens(f"x {sql}"))
    assert found.value.start == 2


@given(st.text(st.sampled_from("'\"$a:\\/*-\nE[] ;1%é"), max_size=30))
def test_tokens_are_the_text(sql: str) -> None:
    """Nothing is lost, nothing is read twice, and any text ends."""
    try:
        found = list(tokens(sql))
    except UnclosedError:
        return
    at = 0
    for token in found:
        assert token.start >= at
        assert not sql[at : token.start].strip()
        assert sql[token.start : token.end] == token.text
        at = token.end
    assert not sql[at:].strip()


# Files.


def statements(tmp_path: Path, text: str) -> dict[str, Statement]:
    file = tmp_path / "it.sql"
    file.write_bytes(text.encode())
    return {each.name: each for each in map(Statement, statements_in(file))}


def test_a_file(tmp_path: Path) -> None:
    found = statements(
        tmp_path,
        "\ufeff-- Reports.\r\n\r\n  --name:a(x: int) -> int\r\n-- First.\r\n--\r\n--   Second."
        "\r\n\r\n-- not of the words\r\n/*+ a hint */ SELECT :x -- name: no(\r\n;\r\n-- behind\r\n"
        "-- NAME: b() -> rowcount\r\nDELETE FROM t\r\n",
    )
    assert list(found) == ["a", "b"]
    assert found["a"].head.doc == "First.\n\n  Second."
    assert found["a"].sql == "-- not of the words\n/*+ a hint */ SELECT :x -- name: no("
    assert (found["a"].place.line, found["a"].sql_line) == (3, 8)
    assert found["b"].sql == "DELETE FROM t"
    assert (found["a"].writes, found["b"].writes) == (False, True)


def test_a_header_in_a_literal_is_none(tmp_path: Path) -> None:
    text = (
        "-- name: a() -> str\nSELECT '\n-- name: b() -> int\n', $$\n-- name: c$$ /*\n-- name: d */"
    )
    assert list(statements(tmp_path, text)) == ["a"]


def test_a_long_header(tmp_path: Path) -> None:
    text = (
        "-- name: a(\n--     x: int = -1,\n--     y: str = 'a) -> b',\n-- ) -> list[Row]\n"
        "-- Words.\nSELECT :x, :y"
    )
    head = statements(tmp_path, text)["a"].head
    assert str(head.signature) == "(self, x: int = -1, y: str = 'a) -> b') -> list[Row]"
    assert head.doc == "Words."


@pytest.mark.parametrize(
    ("sql", "writes"),
    [
        ("SELECT 1", False),
        ("SELECT 'delete', \"update\"", False),
        ("WITH a AS (SELECT 1) SELECT 1", False),
        ("WITH a AS (DELETE FROM t RETURNING 1) SELECT 1", True),
        ("SELECT 1 FOR UPDATE", True),
        ("REPLACE INTO t VALUES (1)", True),
        ("CALL f()", True),
        ("VALUES (1)", False),
        ("(SELECT 1)", False),
    ],
)
def test_whether_it_writes(tmp_path: Path, sql: str, writes: bool) -> None:
    [found] = statements(tmp_path, f"-- name: a() -> list[int]\n{sql}").values()
    assert found.writes is writes


def test_a_placeholder_is_no_part_of_the_word_before_it(tmp_path: Path) -> None:
    [found] = statements(
        tmp_path, "-- name: a(n: int, m: int) -> int\nSELECT 5%2 LIMIT:n OFFSET(:m)"
    ).values()
    assert found.for_cursor == "SELECT 5%%2 LIMIT %(n)s OFFSET(%(m)s)"


OK = "-- name: fine() -> int\nSELECT 1\n"
WRONG: dict[str, tuple[str, int, str]] = {
    "empty": ("", 1, "there is no statement"),
    "no header": ("SELECT 1", 1, "SQL without a name"),
    "before": ("-- x\n\nSELECT 1;\n" + OK, 3, "SQL without a name"),
    "no SQL": ("-- name: a() -> int\n-- words\n" + OK, 1, "a name without SQL"),
    "a semicolon alone": (OK + "-- name: a() -> int\n;", 3, "a name without SQL"),
    "two": (OK + ";\n\nSELECT 2", 5, "a second statement under one name"),
    "quote": (OK + "-- name: a() -> int\nSELECT 'x", 4, "a quote that never ends"),
    "comment": (OK + "/* x", 3, "a comment that never ends"),
    "unknown": ("-- name: a(shop: int) -> int\nSELECT\n:shop,:shpo", 3, "no parameter for :shpo."),
    "unused": (OK + "-- name: a(b: int) -> int\nSELECT 1 -- :b", 3, "parameter b of a is not used"),
    "a number": ("-- name: a() -> int\nSELECT\n$1", 3, "$1 is no placeholder"),
    "twice": (OK + OK, 3, "fine is there already"),
    "filter": (OK + "-- name: filter() -> int\nSELECT 1", 3, "filter would stand before"),
    "of instances": (OK + "-- name: model() -> int\nSELECT 1", 3, "model would stand before"),
    "of related": (OK + "-- name: add() -> int\nSELECT 1", 3, "add would stand before"),
    "db": (OK + "-- name: db() -> int\nSELECT 1", 3, "db would stand before"),
    "twin": (OK + "-- name: ll() -> int\nSELECT 1", 3, "all (as ll for"),
    "dunder": (OK + "-- name: __init__() -> int\nSELECT 1", 3, "__init__ is a private name"),
    "sql": (OK + "-- name: sql() -> int\nSELECT 1", 3, "defines sql itself"),
    "no result": ("-- name: a()\nSELECT 1", 1, "does not say what comes of it"),
    "no parentheses": ("-- name: a\nSELECT 1", 1, "'a' is no name with parameters"),
    "no name": ("-- name: \nSELECT 1", 1, "'' is no name"),
    "keyword": ("-- name: class() -> int\nSELECT 1", 1, "is no name with parameters"),
    "hyphen": ("-- name: get-it() -> int\nSELECT 1", 1, "is no name with parameters"),
    "code": ("-- name: a() -> int: import os; x = 1 #\nSELECT 1", 1, "is no name with"),
    "more code": ("-- name: a() -> int: return 1; b\nSELECT 1", 1, "is no name with parameters"),
    "type parameters": ("-- name: a[T]() -> int\nSELECT 1", 1, "is no name with parameters"),
    "no type": ("-- name: a(b) -> int\nSELECT :b", 1, "b has no type"),
    "default": ("-- name: a(b: int = f()) -> int\nSELECT :b", 1, "of b, f(), is no literal"),
    "stars": ("-- name: a(*b: int) -> int\nSELECT :b", 1, "* and ** take what nobody binds"),
    "self": ("-- name: a(self: int) -> int\nSELECT :self", 1, "duplicate parameter name: 'self'"),
    "letters": ("-- name: a(größe: int) -> int\nSELECT :größe", 1, "'größe' is not ASCII"),
    "None": ("-- name: a() -> None\nSELECT 1", 1, "-> None says nothing of rows"),
    "list": ("-- name: a() -> list\nSELECT 1", 1, "-> list says nothing of rows"),
    "no list": ("-- name: a() -> list[int] | None\nSELECT 1", 1, "the list is empty"),
    "count": ("-- name: a() -> rowcount\nSELECT 1", 1, "changes no rows that could be counted"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_wrong_files_are_errors_as_the_class_is_defined(tmp_path: Path, name: str) -> None:
    text, line, says = WRONG[name]
    file = tmp_path / "it's % odd.sql"
    file.write_text(text)
    with pytest.raises(DbError) as found:
        type("Wrong", (SQLManager,), {"sql": str(file)})
    message = found.value.message
    assert message.startswith(f"{file}:{line}: ")
    assert says in message
    assert found.value.hint


def test_files_that_cant_be_read(tmp_path: Path) -> None:
    for sql, says in ((tmp_path, "directory"), (tmp_path / "none.sql", "No such file")):
        with pytest.raises(DbError, match=says):
            type("Wrong", (SQLManager,), {"sql": sql})
    (tmp_path / "latin.sql").write_bytes(OK.encode() + b"-- \xe9")
    with pytest.raises(DbError, match=r"latin\.sql: .*Save it in UTF-8"):
        type("Wrong", (SQLManager,), {"sql": tmp_path / "latin.sql"})
    with pytest.raises(DbError, match=r"Wrong\.sql: the module nowhere is no file"):
        type("Wrong", (SQLManager,), {"sql": "it.sql", "__module__": "nowhere"})


def test_a_method_of_the_class_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "it.sql").write_text(OK)

    def fine(self: Any) -> int:
        return 2

    with pytest.raises(DbError, match="Wrong defines fine itself"):
        type("Wrong", (SQLManager,), {"sql": tmp_path / "it.sql", "fine": fine})


def test_other_databases_read_some_quotes_in_another_way(tmp_path: Path) -> None:
    text = "-- name: a(b: str) -> int\nSELECT 'x\\', :b, ''"
    [found] = statements(tmp_path, text).values()
    for vendor in ("mysql", "oracle"):
        with pytest.raises(DbError, match=rf"{vendor} may read \\ in another way"):
            found.check_quotes(SimpleNamespace(vendor=vendor))
    found.check_quotes(SimpleNamespace(vendor="sqlite"))
