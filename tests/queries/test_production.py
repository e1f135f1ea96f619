"""What production sees of queries: statements, repeats and lines, per route, of all processes."""

from __future__ import annotations

import json
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.decorators import login_required
from django.contrib.auth.models import User
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.test.utils import override_settings
from django.urls import path

from tests.books.models import Author, Book
from tests.measure.children import in_child
from unhurried.measure import _layout as L
from unhurried.measure import _names, _record, _store, _tables, measured, snapshot
from unhurried.measure._folding import drain_opened
from unhurried.measure._names import Names
from unhurried.measure._statements import note
from unhurried.measure.reading import told
from unhurried.queries._find._roles import LIBRARY, PROJECT, role
from unhurried.queries._live import _production, _sight
from unhurried.testing import override

pytestmark = pytest.mark.django_db


def loop(request: HttpRequest) -> HttpResponse:
    for book in Book.objects.all():
        Author.objects.get(pk=book.author_id)  # the line
    return HttpResponse()


def asking(get_response: Any) -> Any:
    """A middleware that asks before anybody knows which view it will be."""

    def middleware(request: HttpRequest) -> Any:
        Author.objects.count()
        return get_response(request)

    return middleware


@login_required
def whose(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


def many(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE books_book SET title = %s WHERE id = 0", [["a"], ["b"], ["c"]])
    return HttpResponse()


def wrong(request: HttpRequest) -> HttpResponse:
    with connection.cursor() as cursor:
        try:
            cursor.execute("SELECT nothing FROM nowhere")
        except Exception:
            return HttpResponse()
    return HttpResponse(status=500)


def inlined(request: HttpRequest, n: int) -> HttpResponse:
    with connection.cursor() as cursor:
        for i in range(n):
            cursor.execute(f"SELECT {i}")
    return HttpResponse()


def shapes(request: HttpRequest, n: int) -> HttpResponse:
    """Statements that no fingerprint makes one of."""
    with connection.cursor() as cursor:
        for i in range(n):
            cursor.execute(f"SELECT 1 AS name_{i}")
    return HttpResponse()


urlpatterns = [
    path("loop/", loop),
    path("many/", many),
    path("whose/", whose),
    path("wrong/", wrong),
    path("inlined/<int:n>/", inlined),
    path("shapes/<int:n>/", shapes),
]


@pytest.fixture(autouse=True)
def site(store: Any) -> Iterator[None]:
    _sight._known.clear()
    with override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.fixture
def books() -> None:
    for title in "abcde":
        Book.objects.create(title=title, author=Author.objects.create(name=title))


def statements(route: str) -> dict[str, dict[str, Any]]:
    found = [each for each in snapshot()["statements"] if each["route"] == route]
    return {each["sql"]: each for each in found}


def get(*addresses: str) -> None:
    for address in addresses:
        Client().get(address)


def test_statements_of_a_route(books: None) -> None:
    get("/loop/", "/loop/")
    found = statements("loop/")
    assert sorted((s["count"], s["requests"]) for s in found.values()) == [(2, 2), (10, 2)]
    route = snapshot()["routes"]["loop/"]
    assert sum(s["count"] for s in found.values()) == route["queries"]["sum"]
    total = sum(s["seconds"] + s["fetch"] for s in found.values())
    assert 0 < total <= route["db"]["sum"] * 1.001
    for each in found.values():
        assert each["alias"] == "default"
        assert 0 < each["floor"] <= each["least"] <= each["seconds"] / each["count"]
        assert each["fetch"] > 0
        assert each["failed"] == each["rows"] == 0


def test_executemany_is_one_round_trip_with_its_rows() -> None:
    get("/many/")
    [each] = statements("many/").values()
    assert (each["count"], each["rows"]) == (1, 3)
    assert each["sql"] == "UPDATE books_book SET title = %s WHERE id = %s"


def test_what_fails_is_counted_and_is_no_floor() -> None:
    get("/wrong/")
    [each] = statements("wrong/").values()
    assert (each["count"], each["failed"], each["least"]) == (1, 1, 0)
    assert snapshot()["routes"]["wrong/"]["db_floor"] == 0


def test_the_floor_splits_database_time(books: None) -> None:
    for _ in range(5):
        get("/loop/")
    found, numbers = statements("loop/"), snapshot()
    route = numbers["routes"]["loop/"]
    assert 0 < route["db_floor"] <= route["db"]["sum"]
    floor = min(each["least"] for each in found.values())
    assert {each["floor"] for each in found.values()} == {floor}
    assert route["db_floor"] == pytest.approx(route["queries"]["sum"] * floor, rel=1e-6)


def test_repeats_are_seen_with_their_line(books: None) -> None:
    get("/loop/", "/loop/")
    [sighting] = [s for s in snapshot()["sightings"] if s["route"] == "loop/"]
    assert (sighting["requests"], sighting["queries"]) == (2, 10)
    with open(__file__) as file:
        number = next(n for n, text in enumerate(file, 1) if text.endswith("# the line\n"))
    assert sighting["loop"] == f"tests/queries/test_production.py:{number}"
    assert sighting["kind"] == "n+1"
    assert "books_author" in sighting["sql"]
    assert sighting["seconds"] > 0
    json.dumps(snapshot())


def test_sampled_units_name_lines(books: None) -> None:
    for _ in range(20):
        get("/loop/")
    for each in statements("loop/").values():
        assert [line.partition(":")[0] for line in each["lines"]] == [
            "tests/queries/test_production.py"
        ]


def first_of_a_route() -> None:
    """A process whose every unit is met for the first time, and none sampled."""
    get("/many/")
    _store.opened.countdown = 1_000


def test_each_text_has_its_line_from_its_first_request_on(books: None) -> None:
    first_of_a_route()
    get("/loop/")
    found = [s for s in told()[0] if s.unit == ("request", "loop/")]
    assert [list(each.lines.values()) for each in found] == [[1.0], [1.0]]
    assert {line.rpartition(":")[0] for each in found for line in each.lines} == {
        "tests/queries/test_production.py"
    }


def test_a_line_is_looked_for_once(books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    first_of_a_route()
    get("/loop/", "/many/")
    monkeypatch.setattr(_sight, "line", None)  # calling it would be swallowed, and raise here
    for _ in range(3):
        get("/loop/", "/many/")
    assert all(each["lines"] for each in statements("loop/").values())


def test_what_a_middleware_asks_has_its_line_on_each_route(
    books: None, settings: Any, django_user_model: Any
) -> None:
    settings.MIDDLEWARE = [
        "unhurried.middleware.UnhurriedMiddleware",
        f"{__name__}.asking",
    ]
    first_of_a_route()
    get("/loop/", "/wrong/")
    for route in ("loop/", "wrong/", "many/"):
        [asked] = [s for sql, s in statements(route).items() if "COUNT(*)" in sql]
        assert [line.rpartition(":")[0] for line in asked["lines"]] == [
            "tests/queries/test_production.py"
        ]


def test_what_no_line_of_the_project_asks_has_that_of_a_library() -> None:
    """Session and user are read by Django's middleware and by its own page."""
    first_of_a_route()
    user = User.objects.create(username="jacob")
    client = Client()
    client.force_login(user)
    client.get("/whose/")
    found = statements("whose/")
    assert {line.rpartition(":")[0] for each in found.values() for line in each["lines"]} == {
        "django/contrib/sessions/backends/db.py",
        "django/contrib/auth/backends.py",
    }


def test_a_package_that_watches_cursors_asks_nothing_itself(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Sentry's, the debug toolbar's: the ORM calls theirs, which calls Django's."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    watching = "def execute(cursor, sql, params=None):\n    return original(cursor, sql, params)\n"
    scope: dict[str, Any] = {"original": CursorWrapper.execute, "__name__": "watching"}
    exec(compile(watching, str(folder / "watching.py"), "exec"), scope)
    monkeypatch.setattr(CursorWrapper, "execute", scope["execute"])
    test_what_no_line_of_the_project_asks_has_that_of_a_library()


SCRIPTS = sysconfig.get_path("scripts")


@pytest.mark.parametrize(
    ("file", "name", "expected"),
    [
        ("/srv/venv/bin/celery", "__main__", LIBRARY),
        ("/srv/venv/Scripts/celery", "__main__", LIBRARY),
        (f"{SCRIPTS}/gunicorn", "gunicorn", LIBRARY),
        ("/srv/site/bin/tools.py", "bin.tools", PROJECT),
        ("/srv/site/manage.py", "__main__", PROJECT),
    ],
)
def test_a_console_script_is_no_line_of_the_project(file: str, name: str, expected: int) -> None:
    """All that a worker's own code asks for would be blamed on how it was started."""
    scope: dict[str, Any] = {"__name__": name}
    exec(compile("import sys\nframe = sys._getframe()", file, "exec"), scope)
    assert role(scope["frame"]) == expected


def test_but_what_stands_in_a_program_of_the_project_s_is() -> None:
    scope: dict[str, Any] = {"__name__": "__main__"}
    code = "import sys\ndef work():\n    return sys._getframe()\nframe = work()"
    exec(compile(code, "/srv/site/bin/nightly.py", "exec"), scope)
    assert role(scope["frame"]) == PROJECT


@pytest.mark.parametrize(
    ("time", "loops", "lines", "shares"),
    [
        (100, {}, {}, {}),
        (100, {}, {"a:1": 3, "b:2": 1}, {"a:1": 0.75, "b:2": 0.25}),
        (100, {"a:1": 60}, {"a:1": 9, "b:2": 1}, {"a:1": 0.6, "b:2": 0.4}),
        (100, {"a:1": 150, "b:2": 50}, {"c:3": 1}, {"a:1": 0.75, "b:2": 0.25, "c:3": 0.0}),
        (0, {}, {"a:1": 1}, {"a:1": 0.0}),
    ],
    ids=["nothing", "by-count", "a-loop-and-the-rest", "loops-alone", "no-time"],
)
def test_shares_of_a_statements_lines(time: int, loops: Any, lines: Any, shares: Any) -> None:
    assert _tables._shares(time, loops, lines) == shares


def test_work_outside_requests_has_its_own(books: None) -> None:
    with measured("nightly"):
        Book.objects.count()
    [each] = statements("nightly").values()
    assert each["count"] == 1


def test_a_route_and_a_unit_of_one_name_are_two(books: None) -> None:
    get("/loop/")
    with measured("loop/"):
        Book.objects.count()
    assert len(statements("loop/")) == 2
    assert len(statements("unit:loop/")) == 1


def test_all_processes_add_up(books: None) -> None:
    get("/loop/")
    before = statements("loop/")

    def ask() -> None:
        assert _record.current.get() is None
        with measured("child"):
            Book.objects.count()
        get("/loop/")
        drain_opened()  # a child that leaves by _exit has no other end

    in_child(ask)
    after = statements("loop/")
    assert before.keys() == after.keys()
    for sql, each in after.items():
        assert each["count"] == 2 * before[sql]["count"]
        assert each["requests"] == 2
        assert 0 < each["least"] <= before[sql]["least"]
        assert each["last"] >= before[sql]["last"]
    assert len(statements("child")) == 1


def test_values_in_the_text_make_no_new_row() -> None:
    get("/inlined/60/", "/inlined/60/")
    [each] = statements("inlined/<int:n>/").values()
    assert (each["sql"], each["count"]) == ("SELECT %s", 120)
    assert each["requests"] == 120, "each text is one of its own as it comes"


def test_one_unit_adds_no_more_than_so_many() -> None:
    get("/inlined/800/")
    found = [s for s in snapshot()["statements"] if s["route"] == "inlined/<int:n>/"]
    assert {each["sql"] for each in found} == {"SELECT %s", "(other)"}
    assert sum(each["count"] for each in found) == 800


def test_rows_are_capped_and_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    small = L.Group("statement", 20, len(L.STATEMENT), 0, L.GROUPS["statement"].start, 7)
    monkeypatch.setitem(L.GROUPS, "statement", small)
    get("/shapes/50/", "/shapes/50/", "/many/")
    found = snapshot()["statements"]
    assert len(found) == 20
    assert sum(each["count"] for each in found) == 101
    [rest] = [each for each in found if each["sql"] == "(other)"]
    assert rest["route"] == "(other)"
    assert rest["count"] == 101 - 19 * 2


def test_one_route_leaves_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(_production.SHARE, "request", 10)
    get("/shapes/50/", "/shapes/50/")
    _store.forget()  # as a process that comes later
    get("/shapes/60/", "/many/")
    found = statements("shapes/<int:n>/")
    assert len(found) == 11
    assert found["(other)"]["count"] == 160 - 3 * 10
    assert len(statements("many/")) == 1


def test_routes_beyond_the_cap_share_their_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    small = L.Group("route", 3, L.LANES, L.FINE_ROUTE, L.GROUPS["route"].start, 1)
    monkeypatch.setitem(L.GROUPS, "route", small)
    for n in range(6):
        with measured(f"unit {n}"):
            Book.objects.count()
    assert statements("(other)") != {}
    assert sum(each["count"] for each in snapshot()["statements"]) == 6


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch, store: Any) -> None:
    monkeypatch.setattr(_production, "REMEMBERED", 150)
    for _ in range(4):
        get("/shapes/90/", "/inlined/90/", "/loop/")
    kept = _store.opened.kept
    texts = sum(len(k.rows) for k in kept.values() if isinstance(k, _production.Known))
    assert 0 < texts <= 150
    assert sum(each["count"] for each in snapshot()["statements"]) == 4 * 181


def test_texts_that_were_met_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_production, "REMEMBERED", 150)
    for _ in range(4):
        get("/shapes/90/", "/inlined/300/")
    store = _store.opened
    assert store is not None
    assert 0 < sum(map(len, store.met.values())) <= 150


def test_it_survives_a_full_disk(books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Names, line: str) -> None:
        if " statement " in line:
            raise OSError(28, "No space left on device")
        append(self, line)

    append = Names._append
    monkeypatch.setattr(_names.Names, "_append", full)
    assert Client().get("/loop/").status_code == 200
    monkeypatch.undo()


def test_two_threads_lose_nothing(books: None) -> None:
    def work() -> None:
        for _ in range(200):
            with measured("threads"):
                record = _record.current.get()
                assert record is not None
                for n in range(3):
                    note(record, "default", f"SELECT a{n}", record.start, 1000)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = statements("threads")
    assert [each["count"] for each in found.values()] == [800, 800, 800]


def test_the_hook_may_find_nothing(books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_sight, "sight", lambda record, seen: None)
    get("/loop/")
    assert snapshot()["sightings"] == []


def test_what_others_note_is_left_alone(books: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(record: _record.Record, seen: _record.Seen) -> None:
        seen.note = [1, 2]

    monkeypatch.setattr(_sight, "sight", mine)
    get("/loop/")
    assert snapshot()["sightings"] == []


def test_it_can_be_left_out() -> None:
    get("/many/")
    numbers = snapshot(statements=False)
    assert not {"statements", "sightings"} & numbers.keys()
    assert "db_floor" not in numbers["routes"]["many/"]


def test_nothing_is_folded_when_measuring_is_off(tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    with override(STORE=tmp_path / "file" / "store", STRICT=False):
        assert Client().get("/many/").status_code == 200
