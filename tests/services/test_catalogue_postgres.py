"""What PostgreSQL's catalogue says that no statement does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from unhurried.cache._sql import EVERYTHING, tables_of
from unhurried.cache._sql._catalogue import Catalogue
from unhurried.cache._sql._of_postgresql import fill
from unhurried.testing import override

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


#: What each tenant has in a schema of its own, as django-tenants makes it.
TENANT = """
CREATE SCHEMA {0};
CREATE TABLE {0}.shelf (id int PRIMARY KEY, n int);
CREATE TABLE {0}.tally (n int);
CREATE TABLE {0}.loan (shelf int REFERENCES {0}.shelf ON DELETE CASCADE);
CREATE VIEW {0}.shown AS SELECT n FROM {0}.shelf;
CREATE FUNCTION {0}.count() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN UPDATE tally SET n = n + 1; RETURN new; END $$;
CREATE TRIGGER count AFTER INSERT ON {0}.shelf FOR EACH ROW EXECUTE FUNCTION {0}.count();
"""


def test_what_lies_in_the_tenants_schemas_is_followed(connection: Any) -> None:
    """Statements name no schema there, and the catalogue's own connection is of no tenant."""
    for schema in ("one", "two"):
        connection.execute(TENANT.format(schema))
    with override(TENANT="site.tenants.current"):
        found = catalogue(connection)
        assert found.written({"shelf"}) >= {"shelf", "tally", "loan"}
        assert found.read({"shown"}) == {"shown", "shelf"}
        assert found.written({"one.shelf"}) == found.written({"shelf"})  # from elsewhere
    assert catalogue(connection).written({"one.shelf"}) >= {"one.shelf", "one.loan"}
    assert catalogue(connection).written({"shelf"}) == {"shelf"}  # another, without tenants


def test_triggers_and_the_setting_may_name_the_schema(connection: Any) -> None:
    connection.execute(
        """CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN INSERT INTO public.member VALUES (new.n); RETURN new; END $$;
        CREATE TRIGGER keep AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION keep()"""
    )
    found = catalogue(connection)
    assert found.written({"plain"}) == {"plain", "member"}
    with override(TRIGGERS={"public.plain": ["public.book"]}):
        found.declared("postgresql")
    assert found.written({"plain"}) == {"plain", "member", "book"}


FUNCTION = "CREATE FUNCTION {} RETURNS {} LANGUAGE {} AS $$ {} $$;"
FOLLOWED = {
    "plpgsql": FUNCTION.format(
        *("note()", "void", "plpgsql", "BEGIN INSERT INTO book VALUES ('', ''); END")
    ),
    "sql": FUNCTION.format("note()", "void", "sql", "INSERT INTO public.book VALUES ('', '')"),
    "atomic": """CREATE FUNCTION note() RETURNS void LANGUAGE sql
        BEGIN ATOMIC INSERT INTO book VALUES ('', ''); END;""",
    "each other": FUNCTION.format(
        *("other()", "int", "plpgsql", "BEGIN PERFORM note(); DELETE FROM book; RETURN 1; END")
    )
    + FUNCTION.format("note()", "void", "plpgsql", "BEGIN PERFORM public.other(); END"),
    "of two": FUNCTION.format("note(int)", "void", "plpgsql", "BEGIN DELETE FROM book; END")
    + FUNCTION.format("note()", "void", "plpgsql", "BEGIN NULL; END"),
}
WRITES = (
    "IF new.n > 1 THEN UPDATE book SET title = ''; END IF;",
    "IF new.n > 1 THEN DELETE FROM book; END IF;",
    "IF false THEN NULL; ELSIF true THEN INSERT INTO book VALUES ('a', 'b'); END IF;",
    "CASE new.n WHEN 1 THEN INSERT INTO book (title) VALUES ('a'); ELSE NULL; END CASE;",
    "BEGIN PERFORM 1; EXCEPTION WHEN others THEN INSERT INTO book VALUES ('a', 'b'); END;",
    "FOR i IN 1 .. 2 LOOP UPDATE book SET title = ''; END LOOP;",
    "INSERT INTO book SELECT CASE WHEN new.n > 1 THEN 'a' ELSE 'b' END, 'c' FROM member;",
    """MERGE INTO book USING plain p ON title = '' WHEN MATCHED THEN UPDATE SET owner = ''
        WHEN NOT MATCHED THEN INSERT (title) VALUES ('');""",
)
UNREADABLE = {
    "execute": FUNCTION.format("note()", "void", "plpgsql", "BEGIN EXECUTE 'x'; END"),
    "missing": "",
    "by a text": FUNCTION.format(
        *("note()", "void", "plpgsql", "BEGIN PERFORM table_to_xml('book', true, false, ''); END")
    ),
}


def with_trigger(connection: Any, functions: str, call: str = "note()") -> Catalogue:
    body = f"BEGIN UPDATE member SET name = ''; PERFORM {call}; RETURN new; END"
    connection.execute(functions + FUNCTION.format("noting()", "trigger", "plpgsql", body))
    connection.execute(
        "CREATE TRIGGER noting AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION noting()"
    )
    return catalogue(connection)


@pytest.mark.parametrize("what", FOLLOWED)
@pytest.mark.parametrize("call", ["note()", "public.note()", '"public"."note"()'])
def test_what_a_trigger_s_function_calls_is_followed(connection: Any, what: str, call: str) -> None:
    found = with_trigger(connection, FOLLOWED[what], call)
    assert found.written({"plain"}) == {"plain", "member", "book"}
    assert not found.opaque


@pytest.mark.parametrize("writes", WRITES)
def test_each_statement_of_a_body_is_one(connection: Any, writes: str) -> None:
    """Behind THEN none was seen, and what it wrote stayed as it was kept."""
    body = f"BEGIN {writes} RETURN new; END"
    connection.execute(FUNCTION.format("noting()", "trigger", "plpgsql", body))
    connection.execute(
        "CREATE TRIGGER noting AFTER INSERT ON plain FOR EACH ROW EXECUTE FUNCTION noting()"
    )
    assert catalogue(connection).written({"plain"}) == {"plain", "book"}


def test_a_function_may_have_a_path_of_its_own(connection: Any) -> None:
    connection.execute("CREATE SCHEMA audit; CREATE TABLE audit.log (n int)")
    function = FUNCTION.format("note()", "void", "sql", "INSERT INTO log VALUES (1)")
    moved = "ALTER FUNCTION note() SET search_path = audit, public;"
    connection.execute("SET LOCAL check_function_bodies = off")
    found = with_trigger(connection, function + moved)
    assert found.written({"plain"}) >= {"plain", "member", "audit.log"}
    connection.execute("ALTER FUNCTION noting() SET search_path = audit")
    assert catalogue(connection).written({"plain"}) >= {"audit.member", "audit.log"}


@pytest.mark.parametrize("what", UNREADABLE)
def test_but_not_what_nobody_can_read(connection: Any, what: str) -> None:
    found = with_trigger(connection, UNREADABLE[what])
    assert EVERYTHING in found.written({"plain"})
    assert found.opaque == ("plain",)


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
