"""The talk's slides, shown on real components; docs/the-talk.md takes its status from here.

What needs a server is in tests/services/test_slides_services.py. What is not built yet is a row of
docs/talk.toml without tests, not a skipped test here.
"""

from __future__ import annotations

import io
import json
import logging
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils.deprecation import MiddlewareMixin

from tests.books.models import Author, Book
from unhurried import measure as Metrology
from unhurried.dashboard import _staff
from unhurried.measure import _history, counter, gauge, histogram, meter, reading, snapshot, timer
from unhurried.measure.sinks.log import JSONFormatter
from unhurried.queries import QueryBudgetExceeded, count_queries, query_budget
from unhurried.queries.reading import prove
from unhurried.testing import override

pytest_plugins = ["pytester"]
PATIENCE = 10.0  # seconds
DRAWN = ("counters:http.ok", "counters:http.err", "meters:logins", "histograms:request.time")
READER = """
import json, sys
from django.conf import settings
settings.configure(UNHURRIED={"STORE": sys.argv[1]})
from unhurried.measure import snapshot
print(json.dumps(snapshot()))
"""


class SlideMiddleware(MiddlewareMixin):
    """The class of slide 12, in the style of its day; only the import and the base are ours."""

    def process_request(self, request: Any) -> None:
        request._began = time.time()

    def process_response(self, request: Any, response: Any) -> Any:
        if response.status_code < 400:
            Metrology.counter("http.ok").increment()
        else:
            Metrology.counter("http.err").increment()
        Metrology.histogram("request.time").update(time.time() - request._began)
        return response

    def process_exception(self, request: Any, exception: Exception) -> None:
        Metrology.counter("http.err").increment()


@pytest.fixture
def staff(db: None) -> Client:
    _staff._no.clear()
    cache.clear()
    client = Client()
    client.force_login(User.objects.create(username="staff", is_staff=True))
    return client


@pytest.fixture
def json_lines() -> Iterator[io.StringIO]:
    """What a handler with our formatter writes for the logger ``unhurried``."""
    stream, logger = io.StringIO(), logging.getLogger("unhurried.request")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JSONFormatter())
    logger.addHandler(handler)
    before = logger.level
    logger.setLevel(logging.INFO)
    yield stream
    logger.setLevel(before)
    logger.removeHandler(handler)


@pytest.mark.django_db
def test_11_logging_gets_one_structured_line_per_request(
    client: Client, store: Path, json_lines: io.StringIO
) -> None:
    with override(STORE=store, SINKS={"log": {}}):
        client.get("/queries/3/")
    [line] = [json.loads(text) for text in json_lines.getvalue().splitlines()]
    assert (line["logger"], line["level"]) == ("unhurried.request", "INFO")
    assert (line["route"], line["status"], line["queries"]) == ("/queries/<int:n>/", 200, 3)
    assert 0 < line["db"] < line["wall"] < PATIENCE


@pytest.mark.django_db
def test_11_statsd_gets_datagrams(client: Client, store: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.settimeout(PATIENCE)
        options = {"port": listener.getsockname()[1], "prefix": "shop"}
        with override(STORE=store, SINKS={"statsd": options}):
            client.get("/queries/3/")
            counter("orders").increment(2)
        lines: list[str] = []
        while not any(line.startswith("shop.orders") for line in lines):
            lines += listener.recv(65536).decode().split("\n")
    assert lines[0].startswith("shop.request.queries._int_n_.time:")
    assert lines[0].endswith("|ms")
    assert lines[1:] == [
        "shop.request.queries._int_n_.queries:3|ms",
        "shop.request.queries._int_n_.status.2xx:1|c",
        "shop.orders:2|c",
    ]


def test_11_another_process_reads_without_asking_the_app(client: Client, store: Path) -> None:
    """This process, the app's, waits for the reader to end: nobody could answer a question."""
    client.get("/empty/")
    counter("orders").increment(3)
    argv = [sys.executable, "-c", READER, str(store)]
    read = subprocess.run(argv, capture_output=True, text=True, check=True, timeout=PATIENCE)
    seen = json.loads(read.stdout)
    assert seen["counters"]["orders"] == 3
    assert seen["routes"]["empty/"]["requests"] == 1
    assert seen["workers"] == 1


def test_11_metrologys_five(store: Path) -> None:
    counter("requests").increment()
    counter("requests").increment(4)
    counter("requests").decrement(2)
    gauge("jobs").set(7)
    meter("logins").mark()
    meter("logins").mark(2)
    for value in (10, 20, 30):
        histogram("response-sizes").update(value)
    with timer("request"):
        time.sleep(0.01)
    found = snapshot()
    assert found["counters"] == {"requests": 3}
    assert found["gauges"] == {"jobs": 7.0}
    assert found["meters"]["logins"]["count"] == 3
    assert found["meters"]["logins"]["m1"] > 0
    sizes = found["histograms"]["response-sizes"]
    assert (sizes["count"], sizes["sum"], sizes["max"]) == (3, 60, 30)
    assert sizes["p50"] == pytest.approx(20, rel=0.01)
    assert 0.01 <= found["timers"]["request"]["sum"] < PATIENCE


@pytest.fixture
def slide_12(store: Path, settings: Any) -> Client:
    """A site with the slide's middleware."""
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, f"{__name__}.SlideMiddleware"]
    return Client(raise_request_exception=False)


def test_12_the_middleware_counts_as_its_code_says(slide_12: Client) -> None:
    for address in ("/empty/", "/empty/", "/status/404/", "/boom/"):
        slide_12.get(address)
    found = snapshot()
    assert found["counters"] == {"http.ok": 2, "http.err": 1 + 2}  # 404; the exception, its 500
    assert found["histograms"]["request.time"]["count"] == 4
    boom = found["routes"]["boom/"]
    assert (boom["errors"], boom["exceptions"], boom["statuses"]) == (1, 1, {"500": 1})
    assert found["routes"]["status/<int:code>/"]["errors"] == 0  # a 404 is the client's


def test_14_yours_draws_the_sites_own_instruments(staff: Client, slide_12: Client) -> None:
    """No setting, no server: what the middleware of slide 12 counts is on the page, and drawn."""
    history = _history.History(reading.folder() / f"v{reading.VERSION}")
    now = time.time()
    slide_12.get("/empty/")
    meter("logins").mark()
    for ago in (20, 10, 0):
        history.sample(now - ago)
        slide_12.get("/empty/")
        slide_12.get("/status/404/")
        meter("logins").mark(3)
    history.close()
    page = staff.get("/unhurried/yours/").content.decode()
    charts = staff.get("/unhurried/data/yours.json?span=hour").json()
    assert 'data-charts="/unhurried/data/yours.json' in page
    for key in (
        "counters:http.ok",
        "counters:http.err",
        "meters:logins",
        "histograms:request.time",
    ):
        assert f'data-chart="{key}"' in page
        columns = charts["charts"][key]["y"]
        assert all(len(column) == len(charts["x"]) for column in columns)
        assert any(value for column in columns for value in column), key
    assert charts["charts"]["counters:http.ok"]["unit"] == "/s"
    assert charts["charts"]["histograms:request.time"]["labels"] == ["p50", "p95", "p99"]


@pytest.mark.django_db
def test_42_queries_are_a_distribution_per_route(client: Client, store: Path) -> None:
    for n in (*range(1, 10), 60):
        client.get(f"/queries/{n}/")
    queries = snapshot()["routes"]["queries/<int:n>/"]["queries"]
    assert queries == {"count": 10, "sum": 105, "p50": 5, "p95": 60, "p99": 60, "max": 60}


def test_42_queries_are_in_the_header(staff: Client, store: Path) -> None:
    assert 'desc="3 queries"' in staff.get("/queries/3/")["Server-Timing"]
    assert "Server-Timing" not in Client().get("/queries/3/")


@pytest.fixture
def books(db: None) -> None:
    """Six books of three authors."""
    authors = [Author.objects.create(name=f"author {n}") for n in range(3)]
    Book.objects.bulk_create(Book(title=f"book {n}", author=authors[n % 3]) for n in range(6))


def author_of_each_book() -> str:
    return ",".join(book.author.name for book in Book.objects.order_by("pk"))


def test_42_a_budget_fails_a_test(books: None) -> None:
    with query_budget(7):
        author_of_each_book()
    with pytest.raises(QueryBudgetExceeded) as raised, query_budget(3):
        author_of_each_book()
    said = str(raised.value)
    assert said.startswith("7 queries, the budget is 3")
    assert "6 x at tests/test_slides.py:" in said
    assert '.select_related("author")' in said


LEDGER_TEST = (
    "from django.contrib.contenttypes.models import ContentType\n"
    "def test_page(db):\n"
    "    assert ContentType.objects.count() == 1\n"
)
LEDGER_SITE = """
SECRET_KEY = "x"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = ["django.contrib.contenttypes", "unhurried"]
"""


def test_42_ci_says_which_test_asks_for_more(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ledger is committed; a change that asks for more fails with the query and its line."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makeini("[pytest]\nDJANGO_SETTINGS_MODULE = site_settings\npythonpath = .")
    pytester.makepyfile(site_settings=LEDGER_SITE)
    page = pytester.makepyfile(test_site=LEDGER_TEST)
    assert pytester.runpytest_subprocess("--queries-update").parseoutcomes()["passed"] == 1
    assert "test_page" in (pytester.path / "queries.ledger").read_text()
    page.write_text(LEDGER_TEST + '    assert not ContentType.objects.filter(model="x").exists()\n')
    output = pytester.runpytest_subprocess("--queries-ledger").stdout.str()
    assert "1 -> 2 queries" in output
    assert "+ 0 -> 1 x at test_site.py:4: SELECT" in output


WAY, WORK = 0.002, 0.2  # seconds


@pytest.fixture
def wire(db: None) -> Iterator[None]:
    """A network before and behind each query; one of them is work for the database, too."""

    def travel(execute: Any, sql: Any, *args: Any) -> Any:
        time.sleep(WAY / 2 + WORK * ("NULL" in sql))
        result = execute(sql, *args)
        time.sleep(WAY / 2)
        return result

    with connection.execute_wrapper(travel):
        yield


def test_43_a_block_splits_the_way_from_the_work(wire: None) -> None:
    with count_queries() as queries:
        for _ in range(9):
            Author.objects.count()
        Author.objects.filter(name__isnull=True).exists()
    assert queries.total == 10
    assert 10 * WAY <= queries.floor <= queries.seconds - WORK / 2


def test_44_a_route_splits_the_way_from_the_work(client: Client, store: Path, wire: None) -> None:
    for n in range(1, 5):
        client.get(f"/queries/{n}/")
    found = snapshot()
    route = found["routes"]["queries/<int:n>/"]
    assert 10 * WAY <= route["db_floor"] <= route["db"]["sum"]
    (asked,) = found["statements"]
    assert asked["count"] == 10
    assert asked["floor"] == asked["least"] >= WAY
    assert asked["count"] * asked["floor"] <= asked["seconds"]


def books_of_each_author() -> str:
    authors = Author.objects.order_by("pk")
    return ",".join(str([book.title for book in author.book_set.all()]) for author in authors)


def author_of_each_raw_book() -> str:
    books = Book.objects.raw("SELECT id, title, author_id FROM books_book ORDER BY id")
    return ",".join(book.author.name for book in books)


@pytest.mark.parametrize(
    ("page", "call", "before", "after"),
    [
        (author_of_each_book, '.select_related("author")', 7, 1),
        (books_of_each_author, '.prefetch_related("book_set")', 4, 2),
    ],
)
def test_45_the_line_and_the_call_are_named_and_proved_by_a_replay(
    books: None, page: Callable[[], str], call: str, before: int, after: int
) -> None:
    with count_queries() as queries:
        page()
    [found] = queries.findings
    line = f"tests/test_slides.py:{page.__code__.co_firstlineno + 1}"
    assert (queries.total, found.kind, found.origin, found.remedy) == (before, "n+1", line, call)
    [proved] = prove(page, [found])
    assert (proved.verified, proved.queries_after) == ("yes", after), proved.why
    assert call in next(text for text in proved.diff.splitlines() if text.startswith("+ "))


def test_45_raw_is_counted_and_named_and_not_guessed_at(books: None) -> None:
    """No line is said to make a queryset, and nothing to be proved."""
    with count_queries() as queries:
        author_of_each_raw_book()
    [found] = prove(author_of_each_raw_book, queries.findings)
    line = f"tests/test_slides.py:{author_of_each_raw_book.__code__.co_firstlineno + 2}"
    assert (queries.total, found.count, found.loop, found.origin) == (7, 6, line, None)
    assert not found.fixable
    assert (found.verified, found.diff) == ("untried", "")
    assert found.why
