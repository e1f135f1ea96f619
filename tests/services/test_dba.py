"""The ten questions on a real PostgreSQL: what was done to it is named, and nothing else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.core.management import CommandError, call_command
from django.db import connections, models, transaction
from django.db.migrations.state import ProjectState
from django.db.models import Case, Count, Exists, F, OuterRef, Value, When
from django.db.models.functions import Cast, TruncMonth

from tests import servers
from tests.books.models import Author, Book
from tests.db.shelf.models import Every
from tests.services.dba_database import OPTIONS, READS, Database, damage, fill, made
from unhurried.dashboard import _dba_views
from unhurried.db import DbError, bulk_copy
from unhurried.db._dba import _asking, _sessions, _statements, _ties
from unhurried.db.reading import QUESTIONS, Answer, Report, ask_dba
from unhurried.measure import measured

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0  # seconds

pytestmark = pytest.mark.usefixtures("store")


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Server]:
    with servers.postgres(*OPTIONS) as running:
        yield running


@pytest.fixture
def database(server: servers.Server, django_db_blocker: Any) -> Iterator[Database]:
    with django_db_blocker.unblock():
        yield from made(server)


def ask(*only: str) -> Report:
    """What this thread's connection has done is counted by then."""
    connections["dba"].close()
    return ask_dba("dba", only)


def answer(name: str) -> Answer:
    [found] = ask(name).answers
    return found


def named(report: Report) -> dict[str, list[str]]:
    """What is named by each question, the top statements aside."""
    return {
        each.name: [item.what for item in each.items]
        for each in report.answers
        if each.name != "statements" and each.items
    }


class TestWhatWasDone:
    def test_a_healthy_site_has_nothing_to_do(self, database: Database) -> None:
        fill(database)
        report = ask()
        assert named(report) == {}
        states = {each.name: each.state for each in report.answers}
        assert states == dict.fromkeys(QUESTIONS, "fine") | {"statements": "look"}
        assert all(each.remedy == ("nothing to do",) for each in report.answers if not each.items)
        assert all(each.number and each.reason for each in report.answers)

    def test_everything_at_once(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_sessions, "IDLE_FOR", 0.0)
        monkeypatch.setattr(_sessions, "WAITED_FOR", 0.0)
        fill(database)
        damage(database)
        holder, waiter = held(database)
        report = ask()
        who = {
            name: f"pid {c.info.backend_pid} {name} (postgres)"
            for name, c in (("holder", holder), ("waiter", waiter))
        }
        waits = report.as_dict()
        assert named(report) == {
            "unused": ["never_read on books.Book"],
            "duplicates": ["views_alone on pages.Page", "again on books.Book"],
            "missing": ["pages.Page"],
            "invalid": ["broken on pages.Page"],
            "foreign-keys": ["shelf.Tree.parent to shelf_tree"],
            "vacuum": ["shelf.Place"],
            "locks": [
                next(
                    item["what"]
                    for each in waits["answers"]
                    if each["name"] == "locks"
                    for item in each["items"]
                ),
                f"{who['holder']} is idle in transaction",
            ],
            "sequences": ["shelf.Rated.rated_id"],
        }
        [locks] = [each for each in report.answers if each.name == "locks"]
        assert locks.items[0].what.startswith(f"{who['waiter']} waits")
        assert locks.items[0].number == f"for {who['holder']}"
        assert locks.items[0].values["blockers"] == [holder.info.backend_pid]
        assert "77" not in str(locks.items[0].notes), "no value is shown"
        assert [each.name for each in report.answers][:3] == ["invalid", "locks", "sequences"]
        release(holder, waiter)

    def test_the_remedies_are_enough(self, database: Database) -> None:
        """Each is carried out as it is written; then nothing is named any more."""
        fill(database)
        damage(database)
        report = ask()
        for question in report.answers:
            for item in question.items if question.name != "statements" else ():
                carry_out(item.remedy, database)
        with database.connect() as connection:
            connection.execute("SELECT setval('shelf_rated_rated_id_seq', 100)")
        database.run("SELECT pg_stat_reset()", "ANALYZE", *READS)
        assert named(ask()) == {}


def held(database: Database) -> tuple[psycopg.Connection[Any], psycopg.Connection[Any]]:
    """Two connections, the one idle in its transaction, the other waiting for it."""
    holder = database.connect(application_name="holder", autocommit=False)
    waiter = database.connect(application_name="waiter", autocommit=False)
    update = "UPDATE shelf_shelf SET books = 77 WHERE name = 'shelf 7'"
    holder.execute(update)

    def wait() -> None:
        waiter.execute(update)

    waiter_thread = threading.Thread(target=wait, daemon=True)
    waiter_thread.start()
    with database.connect() as watcher:
        until(
            lambda: (
                watcher.execute(
                    "SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted",
                    [waiter.info.backend_pid],
                ).fetchone()
                != (0,)
            )
        )
    threads[waiter] = waiter_thread
    return holder, waiter


threads: dict[psycopg.Connection[Any], threading.Thread] = {}


def until(true: Callable[[], bool]) -> None:
    given_up = threading.Event()
    timer = threading.Timer(PATIENCE, given_up.set)
    timer.start()
    while not true():
        assert not given_up.is_set()
    timer.cancel()


def release(holder: psycopg.Connection[Any], waiter: psycopg.Connection[Any]) -> None:
    holder.rollback()
    threads.pop(waiter).join(PATIENCE)
    waiter.rollback()


def carry_out(remedy: tuple[str, ...], database: Database) -> None:
    """SQL as it stands; of Django's the operation, as a migration would."""
    operations = {"AddIndexConcurrently": AddIndexConcurrently, "models": models}
    operations["RemoveIndexConcurrently"] = RemoveIndexConcurrently
    for line in remedy:
        if line.startswith(("AddIndex", "RemoveIndex")):
            operation = eval(line, operations)
            migrate(operation)
        elif line.startswith(("DROP ", "VACUUM ", "ALTER ", "ANALYZE ", "CREATE ")):
            database.run(line)
        elif line.startswith("or, if nobody misses it: "):
            database.run(line.partition(": ")[2])


def migrate(operation: Any) -> None:
    label = "shelf" if operation.model_name == "tree" else "pages"
    before = ProjectState.from_apps(__import__("django").apps.apps)
    after = before.clone()
    operation.state_forwards(label, after)
    with connections["dba"].schema_editor(atomic=False) as editor:
        operation.database_forwards(label, editor, before, after)


class TestIndexes:
    """What is a duplicate, and what only looks like one."""

    @pytest.mark.parametrize(
        ("first", "second", "named_"),
        [
            ("(room)", "(room)", ["second"]),
            ("(room, books)", "(room, books)", ["second"]),
            ("(room DESC)", "(room)", []),
            ("(room)", "(room varchar_pattern_ops)", []),
            ('(room COLLATE "C")', "(room)", []),
            ("(room)", "(lower(room))", []),
            ("(lower(room))", "(lower(room))", ["second"]),
            ("(room) WHERE books > 1", "(room)", []),
            ("(room) WHERE books > 1", "(room) WHERE books > 1", ["second"]),
            ("USING hash (room)", "(room)", []),
            ("USING hash (room)", "USING hash (room)", ["second"]),
            ("(room) INCLUDE (books)", "(room)", []),
            ("(room) INCLUDE (books)", "(room) INCLUDE (books)", ["second"]),
            ("(books, room)", "(room, books)", []),
            ("(room NULLS FIRST)", "(room)", []),
        ],
    )
    def test_of_two(self, database: Database, first: str, second: str, named_: list[str]) -> None:
        on = [f"ON shelf_shelf {each}" for each in (first, second)]
        database.run(f"CREATE INDEX first {on[0]}", f"CREATE INDEX second {on[1]}")
        assert [each.values["index"] for each in answer("duplicates").items] == named_

    def test_what_enforces_something_stays(self, database: Database) -> None:
        database.run(
            "CREATE UNIQUE INDEX u1 ON shelf_shelf (room)",
            "CREATE UNIQUE INDEX u2 ON shelf_shelf (room)",
            "CREATE UNIQUE INDEX u3 ON shelf_shelf (books)",
            "CREATE INDEX plain ON shelf_shelf (books)",
            "CREATE INDEX earlier ON shelf_place (name)",
            "CREATE UNIQUE INDEX later ON shelf_place (name)",
        )
        found = {i.values["index"]: i.values["covered_by"] for i in answer("duplicates").items}
        assert found == {"plain": "u3", "earlier": "later"}

    def test_a_prefix(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("unhurried.db._dba._indexes.SMALL", 0)
        database.run(
            "CREATE INDEX one ON shelf_shelf (room)",
            "CREATE INDEX two ON shelf_shelf (room, books)",
            "CREATE INDEX three ON shelf_shelf (room, books, name)",
            "CREATE INDEX hashed ON shelf_shelf USING hash (room)",
            "CREATE INDEX down ON shelf_shelf (room DESC)",
            "CREATE INDEX partly ON shelf_place (name) WHERE id > 5",
            "CREATE INDEX whole ON shelf_place (name, id)",
        )
        found = {i.values["index"]: i.values["covered_by"] for i in answer("duplicates").items}
        assert found == {"one": "three", "two": "three"}

    def test_one_index_of_a_foreign_key_stays(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("unhurried.db._dba._indexes.SMALL", 0)
        database.run(
            "CREATE INDEX a ON shelf_tree (parent_id DESC, name)",
            "CREATE INDEX b ON shelf_tree (parent_id, name)",
            "INSERT INTO shelf_tree (name) VALUES ('x')",
            "SELECT * FROM shelf_tree",
        )
        unused = [i.values for i in answer("unused").items if i.values["table"] == "shelf_tree"]
        assert [each["index"] for each in unused] in (["a"], ["b"])

    def test_a_half_of_the_way_of_statistics_is_said(self, database: Database) -> None:
        database.run("SELECT pg_stat_reset()")
        fill(database)
        database.run("CREATE INDEX never_read ON books_book (title, id)")
        found = answer("unused")
        assert "since statistics were reset" in found.reason
        assert found.remedy[0].startswith("Not yet: wait until the statistics have seen a week")

    def test_a_foreign_key_of_two_columns_and_a_partial_index(self, database: Database) -> None:
        database.run(
            "CREATE TABLE pair (a int, b int, PRIMARY KEY (a, b))",
            "CREATE TABLE loan (id int, x int, y int, shelf bigint REFERENCES shelf_shelf (id),"
            " FOREIGN KEY (x, y) REFERENCES pair (a, b))",
            "INSERT INTO loan SELECT n FROM generate_series(1, 2000) n",
        )
        whats = [each.what for each in answer("foreign-keys").items]
        assert whats == ["loan.shelf to shelf_shelf", "loan.x and loan.y to pair"]
        database.run(
            "CREATE INDEX ON loan (y, x)",
            "CREATE INDEX ON loan (shelf) WHERE shelf IS NOT NULL",
        )
        assert answer("foreign-keys").state == "fine"

    def test_a_sequence_that_a_default_asks(self, database: Database) -> None:
        database.run(
            "CREATE SEQUENCE lonely",
            "CREATE TABLE shared (n integer DEFAULT nextval('lonely'), "
            "label text DEFAULT nextval('lonely')::text, wide bigint DEFAULT nextval('lonely'))",
            "SELECT setval('lonely', 2000000000)",
            "CREATE TABLE parted (n serial, place int) PARTITION BY RANGE (place)",
            "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)",
            "SELECT setval('parted_n_seq', 2000000000)",
        )
        found = answer("sequences")
        assert {item.what for item in found.items} == {"shared.n", "parted.n"}
        [item] = [each for each in found.items if each.what == "shared.n"]
        assert item.number == "93 %: 2,000,000,000 of 2,147,483,647 (integer)"
        carry_out(item.remedy, database)
        assert [each.what for each in answer("sequences").items] == ["parted.n"]

    def test_names_nobody_should_have(self, database: Database) -> None:
        odd = 'od"d; DROP TABLE books_book; --%s'
        quoted = '"' + odd.replace('"', '""') + '"'
        database.run(
            f"CREATE SCHEMA {quoted}",
            f"CREATE TABLE {quoted}.{quoted} ({quoted} int)",
            f"CREATE INDEX first ON {quoted}.{quoted} ({quoted})",
            f'CREATE INDEX "2{quoted[1:]} ON {quoted}.{quoted} ({quoted})',
        )
        [item] = answer("duplicates").items
        carry_out(item.remedy, database)
        assert answer("duplicates").items == ()

    def test_the_lines_of_a_model(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Of two indexes that a field makes itself the remedy is not the same."""
        monkeypatch.setattr("unhurried.db._dba._indexes.SMALL", 0)
        database.run("INSERT INTO shelf_every (slug) VALUES ('x')", "TABLE shelf_every")
        found = {i.values["index"]: i.remedy for i in answer("unused").items}
        [like] = [name for name in found if name.endswith("_like") and "every_slug" in name]
        assert found[like.removesuffix("_like")] == (
            "shelf.Every.slug: db_index=False, and makemigrations",
        )
        first, _, operation = found[like][0], *found[like][-2:]
        assert first == "shelf.Every.slug: db_index=False, and in its place"
        assert operation.startswith('AddIndexConcurrently("every", models.Index(fields=["slug"]')

    def test_what_the_model_has_and_the_database_has_lost(self, database: Database) -> None:
        fill(database)
        damage(database)
        [item] = answer("foreign-keys").items
        assert item.remedy == (
            "shelf.Tree.parent has db_index=True, the database no index:",
            'CREATE INDEX CONCURRENTLY ON "public"."shelf_tree" ("parent_id");',
        )


class TestWhoMayNotSee:
    @pytest.fixture
    def plain(self, database: Database) -> None:
        """The site asks as a role that may do nothing but connect."""
        database.run(
            "DROP ROLE IF EXISTS plain",
            "CREATE ROLE plain LOGIN",
            "SELECT count(*) FROM pages_page",
        )
        connections["dba"].close()
        connections.settings["dba"] = database.settings(USER="plain")
        del connections["dba"]

    def test_a_plain_role(self, plain: None, database: Database) -> None:
        database.connect(application_name="other")
        report = ask()
        found = {each.name: each for each in report.answers}
        assert len(found) == 10
        assert found["statements"].state == "unknown"
        assert found["statements"].remedy == ('GRANT pg_read_all_stats TO "plain";',)
        assert found["locks"].state == "unknown"
        assert found["locks"].remedy == ('GRANT pg_read_all_stats TO "plain";',)
        assert found["sequences"].state == "unknown"
        assert "may not read" in found["sequences"].reason
        others = QUESTIONS.keys() - {"statements", "locks", "sequences"}
        assert {found[name].state for name in others} == {"fine"}

    def test_the_way_out_is_one(self, plain: None, database: Database) -> None:
        database.connect(application_name="other")
        for each in ask("statements", "locks", "sequences").answers:
            database.run(*each.remedy)
        states = {each.name: each.state for each in ask().answers}
        assert {states[n] for n in ("locks", "sequences")} == {"fine"}
        assert states["statements"] == "look"
        database.run("DROP OWNED BY plain")


def test_without_the_extension(database: Database) -> None:
    database.run("DROP EXTENSION pg_stat_statements")
    found = {each.name: each for each in ask().answers}
    assert found["statements"].state == "unknown"
    assert found["statements"].number == "pg_stat_statements is not created here"
    assert len(found["statements"].remedy) == 3
    assert {found[name].state for name in QUESTIONS.keys() - {"statements"}} == {"fine"}


def test_an_extension_in_a_schema_of_its_own(database: Database) -> None:
    database.run(
        "DROP EXTENSION pg_stat_statements",
        'CREATE SCHEMA "Exten sions"',
        'CREATE EXTENSION pg_stat_statements SCHEMA "Exten sions"',
    )
    assert answer("statements").state == "look"


def test_a_server_that_has_not_loaded_it(django_db_blocker: Any) -> None:
    with servers.postgres("fsync=off") as bare, django_db_blocker.unblock():
        for database in made(bare):
            assert database.name
            found = answer("statements")
            assert (found.state, found.number) == (
                "unknown",
                "pg_stat_statements is not loaded by the server",
            )


class TestManners:
    def test_one_that_fails_takes_no_other_with_it(self, database: Database) -> None:
        """Somebody changes the catalogue: two questions wait for a second, and say so."""
        lock = database.connect(autocommit=False)
        lock.execute("LOCK TABLE pg_sequence IN ACCESS EXCLUSIVE MODE")
        found = {each.name: each for each in ask().answers}
        lock.rollback()
        assert (found["sequences"].state, found["sequences"].number) == ("unknown", "not answered")
        assert found["sequences"].reason.startswith("It waited longer than a second for a lock")
        assert {found[n].state for n in QUESTIONS.keys() - {"sequences", "statements"}} == {"fine"}

    def test_it_is_not_waited_for(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_asking, "text", slow_sequences(_asking.text))
        monkeypatch.setattr(_asking, "STATEMENT_TIMEOUT", "200")
        found = {each.name: each for each in ask().answers}
        assert found["sequences"].reason.startswith("It took longer than five seconds")
        assert {found[n].state for n in QUESTIONS.keys() - {"sequences", "statements"}} == {"fine"}

    def test_in_somebodys_transaction(self, database: Database) -> None:
        """A page under ATOMIC_REQUESTS: nothing is left in it, not even where a question fails."""
        lock = database.connect(autocommit=False)
        with transaction.atomic(using="dba"):
            Author.objects.using("dba").create(name="before")
            lock.execute("LOCK TABLE pg_sequence IN ACCESS EXCLUSIVE MODE")
            assert len(ask_dba("dba").answers) == 10
            lock.rollback()
            with connections["dba"].cursor() as cursor:
                for name in ("transaction_read_only", "statement_timeout", "lock_timeout"):
                    cursor.execute(f"SHOW {name}")
                    assert cursor.fetchone()[0] in ("off", "0")
                cursor.execute("SHOW search_path")
                assert cursor.fetchone() == ('"$user", public',)
            Author.objects.using("dba").create(name="after")
        assert Author.objects.using("dba").count() == 2

    def test_no_lock_but_the_readers(self, database: Database, monkeypatch: Any) -> None:
        """Of a sequence that which nextval() takes, as PostgreSQL reads its last value so."""
        modes: set[tuple[str, str]] = set()
        ask = _asking.Look._ask

        def watch(*args: Any) -> None:
            ask(*args)
            held = connections["dba"].connection.execute(
                "SELECT mode, relkind FROM pg_locks JOIN pg_class ON pg_class.oid = relation"
                " WHERE pid = pg_backend_pid()"
            )
            modes.update((mode, kind) for mode, kind in held)

        monkeypatch.setattr(_asking.Look, "_ask", watch)
        assert len(ask_dba("dba").answers) == 10
        assert {kind for mode, kind in modes if mode != "AccessShareLock"} == {"S"}
        assert {mode for mode, kind in modes if kind == "S"} == {"RowExclusiveLock"}

    def test_nothing_can_be_written(self, database: Database, monkeypatch: Any) -> None:
        read = _asking.text
        monkeypatch.setattr(
            _asking,
            "text",
            lambda n: "DELETE FROM public.books_author" if n == "sequences" else read(n),
        )
        assert "read-only transaction" in answer("sequences").reason

    def test_its_own_statements_are_left_out(self, database: Database) -> None:
        ask()
        ask()
        texts = [each.what for each in answer("statements").items]
        assert not [
            text for text in texts if "pg_stat_statements" in text and "CREATE" not in text.upper()
        ]


def slow_sequences(read: Any) -> Any:
    return lambda name: "SELECT pg_sleep(20)" if name == "sequences" else read(name)


class TestTies:
    """What Django asks is found again in pg_stat_statements, whatever the driver makes of it."""

    @pytest.mark.parametrize("binding", [False, True], ids=["client-binding", "server-binding"])
    def test_every_statement_has_its_line(self, database: Database, binding: bool) -> None:
        fill(database)
        connections["dba"].close()
        connections.settings["dba"]["OPTIONS"] = {"server_side_binding": binding}
        del connections["dba"]
        database.run("SELECT pg_stat_statements_reset()")
        for work in WORK:
            with measured("work"):
                work()
        connections["dba"].close()
        look = _asking.Look("dba")
        rows = look.rows("statements", "pg_catalog, public")
        found = _statements.group(rows, _ties.Ties.of("dba"))
        assert [each.text for each in found if each.kind == _ties.UNTIED] == []
        tied = [each for each in found if each.kind == _ties.LINE]
        assert len(tied) >= len(WORK)
        assert {place.line.partition(":")[0] for each in tied for place in each.places} == {
            "tests/services/test_dba.py"
        }
        assert {place.label for each in tied for place in each.places} == {"work"}

    def test_two_lines_share_by_their_time(self, database: Database) -> None:
        fill(database)
        database.run("SELECT pg_stat_statements_reset()")
        with measured("first"):
            for number in range(30):
                Author.objects.using("dba").filter(name=f"a {number}").count()
        with measured("second"):
            Author.objects.using("dba").filter(name="b").count()
        [item] = [
            each
            for each in answer("statements").items
            if "books_author" in each.what and "COUNT" in each.what
        ]
        places = item.values["places"]
        assert [place["route"] for place in places] == ["first", "second"]
        assert sum(place["share"] for place in places) == pytest.approx(1)
        assert places[0]["share"] > 0.5
        assert item.values["calls"] == 31
        assert item.remedy[0].startswith("at tests/services/test_dba.py:")

    def test_another_alias_of_the_same_database(self, database: Database) -> None:
        fill(database)
        connections.settings["twin"] = database.settings()
        try:
            with measured("by the other name"):
                Author.objects.using("twin").filter(name="b").count()
            connections["twin"].close()
        finally:
            del connections["twin"]
            places = _ties.Ties.of("dba").places(
                'SELECT COUNT(*) AS "__count" FROM "books_author" WHERE "books_author"."name" = $1'
            )
            del connections.settings["twin"]
        assert [place.label for place in places] == ["by the other name"]

    def test_who_else_asks(self, database: Database) -> None:
        fill(database)
        database.run(
            "SELECT pg_stat_statements_reset()", "SELECT sum(length(name)) FROM books_author"
        )
        found = answer("statements")
        [item] = [each for each in found.items if "length(name)" in each.what]
        assert (item.remedy, item.notes) == ((), (_statements.NOBODY,))

    def test_the_page(self, database: Database, rf: Any) -> None:
        fill(database)
        request = rf.get("/unhurried/dba/", {"using": "dba"})
        request.user = SimpleNamespace(is_active=True, is_staff=True, is_authenticated=True)
        html = _dba_views.dba(request).content.decode()
        assert 'data-state="still"' in html
        assert "Top statements" in html
        assert database.name in html
        connections["dba"].close()
        connections.settings["dba"] = database.settings(PORT=str(servers.free_port()))
        del connections["dba"]
        away = _dba_views.dba(request)
        assert (away.status_code, b"be asked: " in away.content) == (503, True)


def books() -> Any:
    return Book.objects.using("dba")


def every() -> Any:
    return Every.objects.using("dba")


MOMENT = datetime(2012, 9, 5, 10, 30, 1, 5, tzinfo=UTC)
WORK: list[Callable[[], Any]] = [
    lambda: list(books().filter(pk=3)),
    lambda: list(books().filter(pk__in=[1, 2, 3, -4])),
    lambda: list(books().filter(pk__in=list(range(2000)))[:1]),
    lambda: list(books().filter(title__in=["a", "b'", "c\\", "d%s"]).order_by("title", "-pk")[2:9]),
    lambda: list(books().filter(title__icontains="50%_\\").distinct("title").order_by("title")),
    lambda: list(
        books().select_related("author").filter(author__name__startswith="x").exclude(pk=1)
    ),
    lambda: books().filter(author__isnull=True).exists(),
    lambda: list(books().values("author").annotate(n=Count("pk")).filter(n__gt=-5)[:3]),
    lambda: list(books().annotate(t=Value(True), n=Value(None, models.IntegerField()))[:1]),
    lambda: list(books().annotate(k=Case(When(pk__lt=5, then=Value("x")), default=F("title")))[:1]),
    lambda: list(books().annotate(c=Cast("pk", models.CharField(max_length=9)))[:1]),
    lambda: list(
        Author.objects.using("dba").filter(
            Exists(Book.objects.using("dba").filter(author=OuterRef("pk"), title="x"))
        )
    ),
    lambda: list(books().filter(pk=1).union(books().filter(pk=2))),
    lambda: books().create(title="it's \\ 50 %", author_id=1),
    lambda: books().filter(pk=-3).update(title=F("title"), author=2),
    lambda: books().filter(title="nothing").delete(),
    lambda: books().bulk_create([Book(title=f"{n}", author_id=1) for n in range(700)]),
    lambda: books().bulk_update(list(books().order_by("pk")[:5]), ["title"]),
    lambda: list(books().filter(pk__lt=3000).iterator(chunk_size=500)),
    lambda: bulk_copy(Author, [("copied",), ("too",)], fields=["name"], using="dba"),
    lambda: every().create(
        number=-5,
        big=2**40,
        flag=True,
        ratio=-0.5,
        price=Decimal("-1.25"),
        moment=MOMENT,
        day=date(2012, 9, 5),
        hour=MOMENT.time(),
        took=timedelta(days=-1, seconds=5),
        key=UUID(int=5),
        raw=b"\\x'",
        data={"a": [None, "'"]},
        address="::1",
        text="x\ny",
    ),
    lambda: every().create(),
    lambda: every().bulk_create([Every(moment=MOMENT, number=n, data=[n]) for n in range(300)]),
    lambda: list(every().filter(moment__gte=MOMENT, day__range=(date.min, date.max), flag=False)),
    lambda: list(every().filter(data__a__0="x", key=UUID(int=7), took__lt=timedelta(1))),
    lambda: list(every().annotate(month=TruncMonth("moment")).filter(month=MOMENT)),
    lambda: list(every().filter(moment__year=2012, price__gt=Decimal("1E+2"), raw=b"")),
    lambda: list(every().filter(moment__date=date(2012, 1, 1), hour__hour=3).values_list("pk")),
    lambda: list(every().filter(pk__in=every().filter(number=1).values("pk")).order_by("?")[:1]),
    lambda: list(every().raw("SELECT * FROM shelf_every WHERE number = ANY(%s)", [[1, 2, 3]])),
    lambda: raw("SELECT 10 %% 3, %s, 'it''s' /* a remark */ -- and more\n", ["x"]),
    lambda: raw("SELECT id FROM books_book WHERE title LIKE 'a%%' AND id > %s LIMIT 1", [-1]),
    lambda: raw("SELECT TRUE, NULL, E'a\\\\b', 1.5e3, $tag$x$tag$, interval '1 day'"),
    lambda: raw(
        "SELECT id FROM books_book WHERE author_id IS NOT NULL AND (id = 5) IS TRUE LIMIT 1"
    ),
    lambda: locked(),
    lambda: wide(),
]


def raw(sql: str, parameters: Any = None) -> None:
    with connections["dba"].cursor() as cursor:
        cursor.execute(sql, parameters)


def locked() -> None:
    with transaction.atomic(using="dba"):
        list(books().select_for_update().filter(pk=1))
        with transaction.atomic(using="dba"):
            list(books().select_for_update(skip_locked=True, of=("self",)).filter(pk=2))


def wide() -> None:
    """Longer than what the store keeps of a text, with values that the driver gives types."""
    found = every().select_related("shelf", "other").filter(moment__gt=MOMENT, day=MOMENT.date())
    list(found.filter(took=timedelta(3)))


class TestCommand:
    def test_text_and_json(self, database: Database) -> None:
        fill(database)
        damage(database)
        connections["dba"].close()  # so that its scans are counted
        text, document = StringIO(), StringIO()
        call_command("unhurried", "dba", "--using", "dba", stdout=text)
        call_command("unhurried", "dba", "--using", "dba", "--json", stdout=document)
        lines = text.getvalue().splitlines()
        assert max(map(len, lines)) <= 100
        assert not [line for line in lines if "\x1b" in line]
        assert text.getvalue().index("To be done now") < text.getvalue().index("Worth a look")
        flowing = " ".join(text.getvalue().split())
        assert 'AddIndexConcurrently("page", models.Index(fields=["seen"]' in flowing
        found = json.loads(document.getvalue())
        assert {each["name"] for each in found["answers"]} == set(QUESTIONS)

    def test_only_some(self, database: Database) -> None:
        out = StringIO()
        call_command(
            *("unhurried", "dba", "--using", "dba", "--json"),
            *("--only", "locks", "--only", "invalid"),
            stdout=out,
        )
        assert [each["name"] for each in json.loads(out.getvalue())["answers"]] == [
            "invalid",
            "locks",
        ]

    def test_a_server_that_is_away(self, database: Database) -> None:
        connections["dba"].close()
        connections.settings["dba"] = database.settings(PORT=str(servers.free_port()))
        del connections["dba"]
        with pytest.raises(DbError, match="The database 'dba' can't be asked: "):
            ask_dba("dba")
        with pytest.raises(CommandError, match="whether it runs"):
            call_command("unhurried", "dba", "--using", "dba")


def test_the_example_site(server: servers.Server, tmp_path: Path, say: Any) -> None:
    """95 % at least of its database's time is tied to a line."""
    with psycopg.connect(
        host=server.host, port=server.port, user="postgres", dbname="postgres", autocommit=True
    ) as admin:
        admin.execute("CREATE DATABASE pinsta")
    environment = os.environ | {
        "DATABASE_URL": f"postgres://postgres@{server.host}:{server.port}/pinsta",
        "PINSTA_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "pinstafacegramiqus.settings",
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "example", ROOT / "src", ROOT))),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.services.dba_site", "10"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    [statements] = [a for a in found["report"]["answers"] if a["name"] == "statements"]
    values = statements["values"]
    say(f"{values['tied']:.1%} of {values['seconds']:.3f} s tied to a line; {values['kinds']}")
    assert values["tied"] >= 0.95
    feed = [i for i in statements["items"] if "pins/feed.html:10 on /slow/feed/" in str(i["notes"])]
    assert feed
    assert "manage.py unhurried diagnose --url /slow/feed/" in found["text"]
