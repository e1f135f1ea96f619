"""The pytest plugin and its ledger, in projects and processes of their own."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

SETTINGS = """
SECRET_KEY = "x"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
INSTALLED_APPS = ["django.contrib.contenttypes", "unhurried", "shelf"]
MIDDLEWARE = ["unhurried.middleware.UnhurriedMiddleware"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ROOT_URLCONF = "shelf.urls"
USE_TZ = True
import tempfile
UNHURRIED = {"STORE": tempfile.mkdtemp()}
"""
MODELS = """
from django.db import models

class Author(models.Model):
    name = models.CharField(max_length=10)

class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
"""
URLS = """
from django.http import HttpResponse
from django.urls import path
from shelf.models import Book

def books(request):
    return HttpResponse("".join(book.author.name for book in Book.objects.all()))

ALL = Book.objects.all()
urlpatterns = [path("books/", books)]
"""
INI = """
[pytest]
DJANGO_SETTINGS_MODULE = settings
pythonpath = .
addopts = -p no:randomly -p no:cacheprovider -p no:cov -p no:hypothesispytest --nomigrations
"""
HEAD = """
import pytest
from shelf.models import Author, Book
from unhurried.queries import allow_queries, count_queries

pytestmark = pytest.mark.django_db

def make(n=3):
    for i in range(n):
        Book.objects.create(author=Author.objects.create(name=str(i)))

@pytest.fixture
def books(db):
    make()

def names():
    return [book.author.name for book in Book.objects.all()]
"""


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A small site, and nothing of ours in its environment."""
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    shelf = pytester.mkpydir("shelf")
    (shelf / "models.py").write_text(MODELS)
    (shelf / "urls.py").write_text(URLS)
    pytester.makepyfile(settings=SETTINGS)
    pytester.makefile(".ini", pytest=INI)
    return pytester


def write(project: pytest.Pytester, code: str, name: str = "test_shelf") -> None:
    project.makepyfile(**{name: HEAD + code})


def run(project: pytest.Pytester, *args: str, **outcomes: int) -> str:
    result = project.runpytest_subprocess(*args)
    found = {key: n for key, n in result.parseoutcomes().items() if key != "warnings"}
    output = result.stdout.str() + result.stderr.str()
    assert found == outcomes, output
    return output


def ledger(project: pytest.Pytester) -> str:
    path = project.path / "queries.ledger"
    return path.read_text() if path.exists() else ""


WORKERS = pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "xdist"])

# The fixture, the mark, what the session gets.


def test_the_fixture_counts_the_body(project):
    write(project, """
def test_body(books, queries, client):
    assert queries.total == 0
    names()
    assert queries.total == 4
    client.get("/books/")
    assert queries.total == 8
    assert {f.relation for f in queries.findings} == {"shelf.Book.author"}
    assert {f.origin for f in queries.findings} == {"test_shelf.py:16", "shelf/urls.py:7"}

def test_another(queries):
    assert queries.total == 0
""")  # fmt: skip
    run(project, passed=2)


@pytest.mark.site
def test_strict_is_set_and_querysets_of_modules_have_a_line(project):
    write(project, """
from unhurried.conf import settings

def test_strict():
    assert settings.STRICT

def test_origin(books, queries):
    from shelf.urls import ALL
    [book.author for book in ALL.all()]
    assert queries.findings[0].origin == "shelf/urls.py:9"
""")  # fmt: skip
    run(project, passed=2)


@pytest.mark.site
def test_the_settings_and_the_ini_may_say_no(project):
    write(project, """
from unhurried.conf import settings
from django.db.models import QuerySet

def test_lax():
    assert not settings.STRICT
    assert not hasattr(QuerySet.__init__, "__wrapped__")
""")  # fmt: skip
    run(project, "-o", "unhurried_strict=false", "-o", "unhurried_track=false", passed=1)
    with (project.path / "settings.py").open("a") as file:
        file.write("\nUNHURRIED['STRICT'] = False\n")
    run(project, "-o", "unhurried_track=false", passed=1)


@pytest.mark.site
def test_the_mark(project):
    write(project, """
@pytest.mark.query_budget(4)
def test_within(books):
    names()

@pytest.mark.query_budget(3)
def test_over(books):
    names()

@pytest.mark.query_budget(n=1, using="default")
def test_allowed(books):
    with allow_queries(relation="shelf.Book.author"):
        names()

@pytest.mark.query_budget
def test_repeats(books):
    names()

@pytest.mark.query_budget
def test_one_each(books):
    Book.objects.count()
    list(Book.objects.select_related("author"))

@pytest.mark.query_budget("three")
def test_wrong():
    pass

@pytest.mark.query_budget(0, using="defualt")
def test_misspelt(books):
    names()

@pytest.mark.query_budget(limit=0)
def test_another_name(db):
    Book.objects.count()
""")  # fmt: skip
    output = run(project, passed=3, failed=5)
    assert "@pytest.mark.query_budget(using='defualt'): there is default." in output
    assert "@pytest.mark.query_budget(limit=…): it takes a number and using=" in output
    assert "4 queries, the budget is 3:" in output
    assert '  3 x at test_shelf.py:16: SELECT "shelf_author"' in output
    assert "No n+1 in this test, but:" in output
    assert "3 queries at test_shelf.py:16 for shelf.Book.author" in output
    assert "@pytest.mark.query_budget: query_budget(n) takes the number" in output


@pytest.mark.site
def test_unittest_classes_and_threads(project):
    write(project, """
import threading
from django.test import TestCase, TransactionTestCase
from django.db import connection

class Tests(TestCase):
    @pytest.mark.query_budget(1)
    def test_over(self):
        names()
        names()

    @pytest.mark.query_budget(1)
    def test_fails(self):
        names(); names()
        self.assertEqual(1, 2)

@pytest.mark.query_budget(1)
def test_in_a_thread():
    def work():
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1"); cursor.execute("SELECT 2")
        connection.close()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
""")  # fmt: skip
    output = run(project, failed=3)
    assert "2 queries, the budget is 1" in output
    assert "AssertionError: 1 != 2" in output
    assert "Tests.test_fails" in output


@pytest.mark.site
def test_what_is_left_to_a_thread_ends_with_its_test(project):
    project.makepyfile("""
import time
from shelf.models import Author
from unhurried.later.reading import figures, kick, lane

done = []

@lane("work")
def work():
    time.sleep(0.2)
    done.append(Author.objects.count())

def test_leaves_it_to_a_thread(db):
    assert kick("work")
    while not figures().drained:
        time.sleep(0.001)

def test_has_no_database():
    assert done == [0]
""")  # fmt: skip
    run(project, "-W", "error", passed=2)


# Where nobody asked for it.

BARE = """
import sys

def test_nothing_is_imported():
    assert not [name for name in sys.modules if name.startswith(("django", "unhurried.queries"))]
"""


@pytest.mark.site
@WORKERS
def test_without_django(pytester, monkeypatch, workers):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makepyfile(BARE)
    off = ["-p", "no:django", "-p", "no:randomly", "-p", "no:sybil", *workers]
    run(pytester, *off, passed=1)


def test_what_wants_django_says_so(pytester, monkeypatch):
    monkeypatch.delenv("DJANGO_SETTINGS_MODULE", raising=False)
    pytester.makepyfile("""
import pytest

def test_fixture(queries):
    pass

@pytest.mark.query_budget(3)
def test_mark():
    pass
""")
    output = run(pytester, errors=2)
    assert output.count("want configured Django settings: install pytest-django") >= 2


@pytest.mark.site
def test_a_django_project_that_does_not_use_it(project):
    settings = project.path / "settings.py"
    settings.write_text(settings.read_text().replace('"unhurried", ', "").replace(
        'MIDDLEWARE = ["unhurried', 'MIDDLEWARE = [] or ["'))  # fmt: skip
    settings.write_text(re.sub(r"MIDDLEWARE = .*", "MIDDLEWARE = []", settings.read_text()))
    project.makepyfile("""
import sys, pytest
from django.db.models import QuerySet
from shelf.models import Book

@pytest.mark.django_db
def test_nothing(client):
    client.get("/books/")
    assert not [name for name in sys.modules if name.startswith("unhurried.queries")]
    assert not hasattr(QuerySet.__init__, "__wrapped__")
""")
    run(project, passed=1)
    write(project, """
def test_counts_all_the_same(books, queries):
    names()
    assert queries.total == 4
""", "test_more")  # fmt: skip
    run(project, "test_more.py", passed=1)


@pytest.mark.site
def test_switched_off(project):
    write(project, """
def test_plain(books):
    names()
""")  # fmt: skip
    run(project, "-p", "no:unhurried", passed=1)
    output = project.runpytest_subprocess("-p", "no:unhurried", "--queries-ledger").stderr.str()
    assert "unrecognized arguments" in output


def test_the_plugins_file_imports_neither_django_nor_the_rooms():
    code = "import sys, unhurried.pytest_plugin; print([m for m in sys.modules if 'django' in m " \
           "or m.startswith('unhurried.') and m != 'unhurried.pytest_plugin'])"  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# The ledger. Each run is a process of its own and takes a second, so a test tells a whole story.

TESTS = """
def test_names(books):
    names()

def test_count(books):
    Book.objects.count()

def test_silent():
    pass
"""
MORE = """


def test_names(books):
    names()
    Author.objects.filter(name="added").exists()
    make(1); names()

def test_count(books):
    Author.objects.count()

def test_silent():
    pass
"""
LESS = """
def test_names(books):
    list(Book.objects.all())

def test_renamed(books):
    Book.objects.count()

def test_silent():
    pass
"""


@pytest.mark.site
def test_the_life_of_a_ledger(project):
    live(project)


@pytest.mark.site
def test_workers_send_home_what_is_more_and_less(project):
    """All of the life with workers is in tests/services/test_plugin_workers.py."""
    write(project, TESTS)
    run(project, "--queries-update", "-n", "2", passed=3)
    assert_written(ledger(project))
    shrink(project, "-n", "2")


def live(project, *workers: str) -> None:
    write(project, TESTS)
    output = run(project, "--queries-ledger", *workers, passed=1, failed=2)
    assert "More queries than queries.ledger has of this test, 0 -> 4 queries" in output
    assert "pytest --queries-update takes it over" in output
    assert ledger(project) == ""

    output = run(project, "--queries-update", *workers, passed=3)
    assert "queries.ledger: more in 2 tests" in output
    text = ledger(project)
    assert_written(text)

    write(project, MORE)
    output = run(project, "--queries-ledger", *workers, passed=1, failed=2)
    assert_told(output)
    assert ledger(project) == text
    shrink(project, *workers)


def shrink(project, *workers: str) -> None:
    write(project, LESS)
    output = run(project, "--queries-ledger", *workers, passed=2, failed=1)
    assert "queries.ledger: less in 1 test, 1 test gone" in output
    _, names = ledger(project).split("\n\n")
    assert names.splitlines()[0] == "test_shelf.py::test_names"
    assert len(names.splitlines()) == 2


def assert_written(text: str) -> None:
    head, count, names = text.split("\n\n")
    assert head.startswith("# What each test asks")
    assert count.splitlines()[0] == "test_shelf.py::test_count"
    assert names.splitlines()[0] == "test_shelf.py::test_names"
    line = '\t3\tdefault\ttest_shelf.py:16\tSELECT "shelf_author"."id"'
    assert names.splitlines()[1].startswith(line)


def assert_told(output: str) -> None:
    """Each query that was added, with its line, in the message itself."""
    assert "4 -> 12 queries:" in output
    assert '+ 3 -> 7 x at test_shelf.py:16: SELECT "shelf_author"."id"' in output
    assert re.search(r"\+ 0 -> 1 x at test_shelf\.py:22: SELECT .*\"name\" = %s", output)
    assert "n+1: 7 queries at test_shelf.py:16" in output
    assert "1 -> 1 query:" in output  # as many, but another
    assert '+ 0 -> 1 x at test_shelf.py:26: SELECT COUNT(*) AS "__count" FROM "shelf_au' in output
    assert '- 1 -> 0 x at test_shelf.py:22: SELECT COUNT(*) AS "__count" FROM "shelf_bo' in output


@pytest.mark.site
def test_lines_that_move_change_nothing_and_parts_forget_nothing(project):
    write(project, TESTS)
    run(project, "--queries-update", passed=3)
    text = ledger(project)
    write(project, "\n\n# moved\n" + TESTS.replace("test_count", "test_renamed"))
    run(project, "--queries-update", "test_shelf.py::test_names", passed=1)
    run(project, "--queries-ledger", "-k", "names or silent", passed=2, deselected=1)
    project.makepyfile(test_one="import nothing")
    project.makepyfile(test_two="import pytest; pytest.importorskip('nothing')")
    run(project, "--queries-ledger", "--continue-on-collection-errors", "--no-header",
        passed=2, failed=1, skipped=1, errors=1)  # fmt: skip
    assert ledger(project) == text
    project.path.joinpath("test_one.py").unlink()
    project.makeconftest("def pytest_collection_modifyitems(items):\n    del items[1:]")
    run(project, "--queries-ledger", passed=1, skipped=1)
    assert ledger(project) == text


@pytest.mark.site
def test_only_what_passed_is_written(project):
    write(project, """
from django.contrib.contenttypes.models import ContentType
from django.test import TestCase

def test_fails(books):
    names()
    assert 0

def test_skips(books):
    names()
    pytest.skip("later")

@pytest.mark.xfail
def test_expected(books):
    names()
    assert 0

class Tests(TestCase):
    def test_fails(self):
        names()
        self.fail("mine")

def test_allowed(books):
    with allow_queries(relation="shelf.Book.author"):
        names()

def test_memory_a():
    ContentType.objects.get_for_model(Book)

def test_memory_b():
    ContentType.objects.get_for_model(Book)
""")  # fmt: skip
    run(project, "--queries-update", failed=2, skipped=1, xfailed=1, passed=3)
    there = re.findall("::test_(.*)", ledger(project))
    assert there == ["allowed", "memory_a", "memory_b"]
    assert "shelf_author" not in ledger(project)


@pytest.mark.site
def test_by_mark_alone(project):
    write(project, TESTS.replace("def test_names", "@pytest.mark.queries_ledger\ndef test_names"))
    output = run(project, passed=2, failed=1)
    assert "0 -> 4 queries" in output
    assert ledger(project) == ""


@pytest.mark.site
def test_by_ini_and_in_a_file_of_ones_own(project):
    write(project, TESTS)
    with (project.path / "pytest.ini").open("a") as file:
        file.write("\nqueries_ledger = true\nqueries_ledger_file = kept/q.txt\n")
    run(project, "--queries-update", passed=3)
    path = project.path / "kept" / "q.txt"
    assert "test_names" in path.read_text()
    path.write_text("")
    run(project, passed=1, failed=2)


@pytest.mark.site
def test_a_conflict_of_a_merge_is_told(project):
    write(project, TESTS)
    project.path.joinpath("queries.ledger").write_text("\n<<<<<<< ours\n")
    result = project.runpytest_subprocess("--queries-ledger")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    told = result.stdout.str() + result.stderr.str()
    assert "queries.ledger:2 has a conflict of a merge: correct it" in told


@pytest.mark.site
def test_sessions_at_the_same_time_write_one_file(project):
    names = ("one", "two")
    for name in names:
        write(project, TESTS, f"test_{name}")
    argv = [sys.executable, "-m", "pytest", "-q", "--queries-update"]
    running = [
        subprocess.Popen(
            [*argv, f"test_{name}.py"], cwd=project.path, stdout=subprocess.PIPE, text=True
        )
        for name in names
    ]
    for process in running:
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, output
    assert ledger(project).count("::test_names\n") == 2
    left = [path.name for path in Path(project.path).iterdir() if "ledger" in path.name]
    assert left == ["queries.ledger"]
