"""The docs are true: every name stands in them, what they show runs, and their links lead on."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.management import ManagementUtility, get_commands
from django.template.backends.django import get_installed_libraries
from django.template.library import import_library
from sybil import Document
from sybil.example import Example
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

import unhurried
from unhurried import conf, testing
from unhurried.cache._fragments import _registry
from unhurried.management.commands.unhurried import Command
from unhurried.measure import _instruments, counter, histogram, meter, sinks, snapshot, timer
from unhurried.measure._units import finish, start
from unhurried.measure.reading import reader
from unhurried.measure.sinks import prometheus
from unhurried.measure.sinks.log import FIELDS

ROOT = Path(__file__).resolve().parent.parent
DOCS, SOURCE = ROOT / "docs", Path(unhurried.__file__).parent
README = ROOT / "README.md"
PAGES = [README, *(p for p in sorted(DOCS.rglob("*.md")) if "_build" not in p.parts)]
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text(page: str) -> str:
    return (DOCS / page).read_text()


def missing(names: Any, page: str, form: str = "`{}") -> list[str]:
    """The names that do not stand on the page as code, or as the beginning of it."""
    said = text(page)
    return [name for name in names if form.format(name) not in said]


# What there is, stands in the reference.


@pytest.mark.parametrize(
    "room",
    [room for room in ROOMS if room not in ("dashboard", "management", "templatetags")],
)
def test_every_public_name(room):
    module = importlib.import_module(f"unhurried.{room}")
    assert not missing(module.__all__, "reference/api.md")


@pytest.mark.parametrize("kind", _instruments.Instrument.__subclasses__())
def test_every_method_of_an_instrument(kind):
    methods = [name for name in vars(kind) if not name.startswith("_") and name != "kind"]
    assert methods
    assert not missing(methods, "reference/api.md", "`.{}(")


def test_every_setting():
    assert not missing(conf.SETTINGS, "reference/settings.md", "| `{}` |")
    rows = re.findall(r"^\| `([A-Z_]+)` \|", text("reference/settings.md"), re.M)
    assert rows == list(conf.SETTINGS)


def test_every_check():
    source = "".join(path.read_text() for path in SOURCE.rglob("*.py"))
    ids = set(re.findall(r'"(unhurried\.[EW]\d+)"', source))
    said = re.findall(r"^\| `(unhurried\.\w+)` \|", text("reference/checks.md"), re.M)
    assert sorted(ids) == said


def verbs() -> dict[str, Any]:
    parser = Command().create_parser("manage.py", "unhurried")
    [found] = [action.choices for action in parser._actions if action.dest == "verb"]
    return found


@pytest.mark.parametrize("verb", verbs())
def test_every_verb_and_its_options(verb):
    section = text("reference/commands.md").partition(f"## manage.py unhurried {verb}\n")[2]
    options = [o for action in verbs()[verb]._actions for o in action.option_strings]
    section = section.partition("\n## ")[0]
    assert section
    lacks = [option for option in options if f"| `{option}` |" not in section]
    assert set(lacks) == {"-h", "--help"}


def test_every_template_tag():
    tags = [name for name, path in get_installed_libraries().items() if "unhurried" in path]
    assert tags == ["unhurried"]
    assert not missing(
        import_library("unhurried.templatetags.unhurried").tags, "reference/tags.md", "{{% {} "
    )
    assert get_commands()["unhurried"] == "unhurried"


@pytest.mark.parametrize("sink", sinks.SINKS)
def test_every_option_of_a_sink(sink):
    section = text("reference/sinks.md").partition(f"## {sink}\n")[2].partition("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| `(.+?)` \|", section, re.M))
    defaults = {o.name: o.default for o in fields(sinks.SINKS[sink].Options)}
    assert {name: eval(said) for name, said in rows.items()} == defaults


def test_every_field_of_a_line():
    assert not missing(FIELDS, "reference/sinks.md", "`{}`")


@pytest.mark.django_db
def test_every_family_of_prometheus(client, store):
    written = (SOURCE / "measure" / "sinks" / "_families.py").read_text()
    families = set(re.findall(r"\bunhurried_\w+", written))
    client.get("/queries/3/", headers={"X-Request-Start": "t=0"})
    scraped = re.findall(r"# TYPE (\w+) (\w+)", prometheus.render(reader()).decode())
    assert {name for name, _ in scraped} <= families
    said = re.findall(r"^\| `(unhurried_\w+)` \| (\w+) \|", text("reference/prometheus.md"), re.M)
    assert {name for name, _ in said} == families
    assert set(scraped) <= set(said)


def test_families_of_instruments(store):
    """The examples of the reference: what they are called when they are scraped."""
    counter("orders").increment(2)
    counter("orders").decrement()
    meter("logins").mark()
    histogram("basket.size").update(3)
    timer("thumbnail").update(1)
    scraped = prometheus.render(reader()).decode()
    for family in ("orders_total", "orders", "logins_total", "logins_rate", "basket_size"):
        assert f"# TYPE {family} " in scraped
        assert f"`{family}`" in text("reference/prometheus.md")
    assert "thumbnail_seconds_sum 1.0" in scraped
    assert "`thumbnail_seconds`" in text("reference/prometheus.md")


def keys(found: Any) -> set[str]:
    if not isinstance(found, dict):
        return set()
    return set(found).union(*(keys(value) for value in found.values()))


@pytest.mark.django_db
def test_every_key_of_the_snapshot(client, store):
    client.get("/queries/3/")
    meter("logins").mark()
    histogram("basket.size").update(3)
    found = keys(snapshot()) - {"queries/<int:n>/", "200", "logins", "basket.size"}
    assert {"wall", "m15", "off", "workers"} <= found
    assert not missing(found, "reference/snapshot.md", "`{}`")


# What is shown, runs.


def commands(source: str) -> list[list[str]]:
    """Arguments of each ``manage.py …`` line of a shell block."""
    lines = [line.removeprefix("$ ") for line in source.splitlines() if "manage.py" in line]
    return [shlex.split(line, comments=True)[2:] for line in lines]


class Page:
    """Evaluates a document's blocks, in order, in one namespace."""

    def __init__(self) -> None:
        self.shells: list[str] = []

    def shell(self, example: Example) -> None:
        self.shells.append(example.parsed)

    def parse(self, path: Path) -> Document:
        return Document.parse(
            str(path), PythonCodeBlockParser(), CodeBlockParser("console", self.shell)
        )


@pytest.mark.django_db
@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_python_and_shell_blocks_run(path, store, capsys, monkeypatch):
    monkeypatch.setattr(_registry, "known", {})  # of fragments: other tests' have the same names
    page = Page()
    document = page.parse(path)
    document.namespace = as_module(path, monkeypatch)
    document.namespace.update(INSTALLED_APPS=[], MIDDLEWARE=[], urlpatterns=[])
    document.namespace["client"] = AnySite()
    for example in document.examples():
        document.namespace.pop("UNHURRIED", None)
        example.evaluate()
        given = document.namespace.get("UNHURRIED")
        if given is not None:
            assert_settings_are_right(given, monkeypatch)
    for arguments in [found for source in page.shells for found in commands(source)]:
        run_command(arguments)


def as_module(path: Path, monkeypatch: Any) -> dict[str, Any]:
    """A page's names are those of a module: its classes know where they are defined."""
    module = ModuleType(f"docs_{path.stem}")
    module.__file__ = str(path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return vars(module)


class AnySite:
    """A client of the site that the docs speak of: it has every page."""

    def get(self, path: str) -> None:
        record = start("request", path.removeprefix("/"))
        assert record is not None
        record.status = 200
        finish(record)


def assert_settings_are_right(given: dict[str, Any], monkeypatch: Any) -> None:
    """No check finds fault with them; nobody's folder is made."""
    tried = {key: value for key, value in given.items() if key != "STORE"}
    monkeypatch.setattr(sinks, "refresh", lambda: None)  # no socket is opened
    with testing.override(**tried):
        assert not [*conf.problems(), *sinks.problems()]
    monkeypatch.undo()
    assert isinstance(given.get("STORE", ""), str | Path)


def run_command(arguments: list[str]) -> None:
    """``unhurried top`` for real, all else no further than to its help."""
    verb = arguments[:2]
    if verb == ["unhurried", "top"]:
        quick = ["--interval", "0.05"]
        once = [] if "--json" in arguments else ["--once"]
        kept = [a for a in arguments if a != "5" and a != "--interval"]
        ManagementUtility(["manage.py", *kept, *once, *quick]).execute()
        return
    with pytest.raises(SystemExit) as left:
        ManagementUtility(["manage.py", *arguments, "--help"]).execute()
    assert left.value.code == 0, arguments


@pytest.mark.site
def test_the_tutorial_is_a_site(tmp_path):
    """Its settings and pages, in a project of Django's own making, in a process of its own."""
    django_admin = [sys.executable, "-m", "django", "startproject", "shop", str(tmp_path)]
    subprocess.run(django_admin, check=True)
    blocks = re.findall(r"```python\n(.*?)```", text("tutorial.md"), re.S)
    settings_block, urls_block, better = blocks
    add(tmp_path / "shop" / "settings.py", settings_block)
    add(tmp_path / "shop" / "settings.py", f"UNHURRIED = {{'STORE': {str(tmp_path / 'store')!r}}}")
    add(tmp_path / "shop" / "urls.py", urls_block)
    assert queries_of_the_tutorial(tmp_path) == 1 + 3
    add(tmp_path / "shop" / "urls.py", better + "urlpatterns[-2] = path('people/', people)\n")
    assert queries_of_the_tutorial(tmp_path) == 2


def add(path: Path, code: str) -> None:
    path.write_text(f"{path.read_text()}\n{code}")


def queries_of_the_tutorial(folder: Path) -> int:
    code = """
import django; django.setup()
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
call_command("check", fail_level="WARNING", verbosity=0)
from django.contrib.auth.models import User
for name in "abc": User.objects.get_or_create(username=name)
Client(SERVER_NAME="localhost").get("/people/")
from unhurried.measure import snapshot
queries = snapshot()["routes"]["people/"]["queries"]
import os, shutil
while os.path.exists("store"): shutil.rmtree("store", ignore_errors=True)  # history writes
print(int(queries["max"]))
"""
    environment = {"DJANGO_SETTINGS_MODULE": "shop.settings", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return int(done.stdout.split()[-1])


@pytest.mark.site
def test_from_101_queries_to_1(tmp_path):
    """The how-to's two commands, on a copy of the example: its feed is the how-to's."""
    site = tmp_path / "example"
    shutil.copytree(ROOT / "example", site, ignore=shutil.ignore_patterns("var", "__pycache__"))
    manage(site, "migrate", "--verbosity=0")
    manage(site, "seed", "--scale", "0.02")
    blocks = re.findall(r"```console\n(.*?)```", text("howto/diagnose.md"), re.S)
    assert [len(block.splitlines()) for block in blocks] == [1, 2]
    [first], [second, third] = [commands(block.replace("| git", "# git")) for block in blocks]
    assert [first, third] == [["unhurried", "diagnose", "--url", "/feed/"]] * 2
    before = diagnosed(site, first)
    assert "101 queries" in before
    assert "101 -> 1 queries" in before
    assert before.count("VERIFIED") == 1
    diff = diagnosed(site, second)
    subprocess.run(["git", "apply"], cwd=site, input=diff, text=True, check=True)
    assert "(1 query" in diagnosed(site, third).replace("1 queries", "1 query")


@pytest.mark.site
def test_the_first_hour(tmp_path):
    """The tutorial's commands on a copy of the example: measured, told, mended, measured again."""
    site = tmp_path / "example"
    shutil.copytree(ROOT / "example", site, ignore=shutil.ignore_patterns("var", "__pycache__"))
    manage(site, "migrate", "--verbosity=0")
    manage(site, "seed", "--scale", "0.02")
    blocks = re.findall(r"```console\n(.*?)```", text("first-hour.md"), re.S)
    asked, looked, diff, again = [
        commands(line.replace("| git", "# git"))[0] for line in "".join(blocks[1:]).splitlines()
    ]
    assert asked == again == ["unhurried", "diagnose", "--minutes", "10"]
    visit(site, "51c0")
    told = manage(site, *asked)
    assert "pins/feed.html:10 asks pins.Pin.author one row at a time" in told.replace("\n    ", " ")
    assert "not seen: Whether requests wait for a worker" in told
    assert "101 -> 1 queries" in manage(site, *looked)
    subprocess.run(["git", "apply"], cwd=site, input=manage(site, *diff), text=True, check=True)
    visit(site, "52d1")
    told = " ".join(manage(site, *again).split())
    assert "gone since release 52d1. Promised -" in told


def visit(site: Path, version: str) -> None:
    """Sixty visits under a version, by a process that is elected to write down what is found.

    Its database takes a third of a millisecond more: a hundred queries are nothing to a fast
    machine.
    """
    code = """
import sys, time, django; django.setup()
from django.db import connection
connection.execute_wrappers.append(lambda run, *args: (time.sleep(0.0003), run(*args))[1])
from django.conf import settings
settings.UNHURRIED["VERSION"] = sys.argv[1]
from django.test import Client
client = Client(SERVER_NAME="localhost")
client.get("/slow/feed/")
from unhurried.measure import _sampler
from unhurried.measure.reading import folder, versioned
_sampler._remember(versioned(folder()), first=True)
for _ in range(60): client.get("/slow/feed/")
from unhurried.diagnose import _promises
_promises._writer.due = 0.0
_promises.remember({})
"""
    environment = os.environ | {
        "PINSTA_DATA": str(site / "var"),
        "DJANGO_SETTINGS_MODULE": "pinstafacegramiqus.settings",
        "PYTHONPATH": os.pathsep.join([str(site), str(SOURCE.parent)]),
    }
    argv = [sys.executable, "-c", code, version]
    subprocess.run(argv, cwd=site, env=environment, check=True)


def diagnosed(site: Path, arguments: list[str]) -> str:
    return manage(site, *(part.replace("/feed/", "/slow/feed/") for part in arguments))


def manage(site: Path, *arguments: str) -> str:
    environment = os.environ | {"PINSTA_DATA": str(site / "var"), "PINSTA_DEBUG": "1"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    argv = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(
        argv, cwd=site, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


# Form.


def test_the_readme_is_short_and_begins_with_code():
    lines = README.read_text().splitlines()
    assert len(lines) <= 100
    assert any(line.startswith("```") for line in lines[:30])
    assert {"make demo", "make test"} <= set(re.findall(r"make (?:demo|test)\b", "\n".join(lines)))


def test_files_that_are_named_are_there():
    """Of this checkout, as the docs write them: `tests/cache/test_model.py`."""
    ours = re.compile(r"`((?:benchmarks|docs|example|src|tests)/[\w/.]+)")
    pages = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "benchmarks" / "README.md"]
    named = {(page.name, found) for page in pages for found in ours.findall(page.read_text())}
    assert len(named) > 50
    assert not sorted((page, found) for page, found in named if not (ROOT / found).exists())


def anchors(path: Path) -> set[str]:
    """Of headings, as GitHub and MyST make them."""
    titles = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_links_lead_somewhere(path):
    prose = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", prose):
        if target.startswith("https://"):
            continue
        file, _, anchor = target.partition("#")
        found = (path.parent / file).resolve() if file else path
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found), target
    for target in re.findall(r"^(?:[a-z]+/)?[a-z-]+$", toctrees(path), re.M):
        assert (path.parent / f"{target}.md").is_file(), target


def toctrees(path: Path) -> str:
    return "\n".join(re.findall(r"^```{toctree}\n(.*?)^```", path.read_text(), re.M | re.S))


def test_every_page_is_in_the_index():
    listed = set(re.findall(r"^((?:[a-z]+/)?[a-z-]+)$", toctrees(DOCS / "index.md"), re.M))
    pages = {p.relative_to(DOCS).with_suffix("").as_posix() for p in PAGES if p != README}
    assert listed == pages - {"index"}


HOSTS = ("pypi.org", "pythonhosted.org", "npmjs.", "yarnpkg.com", "crates.io")
HOMES = re.compile(r"(?<![\w.~])/(?:root|home/\w+|Users/\w+|work)/")


def tracked() -> list[Path]:
    """The files of the checkout that git knows, or would take, but for this one."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git")
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and path != Path(__file__)]


def test_no_registry_and_no_machine_stands_in_the_tree():
    wrong = []
    for path in tracked():
        content = path.read_bytes().decode("utf-8", "replace")
        found = [host for host in HOSTS if host in content] + HOMES.findall(content)
        if found or str(ROOT) in content:
            wrong.append((name_of(path), found))
    assert not wrong


# The page of the talk.


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_talk", DOCS / "generate_talk.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


talk = generator()


def test_the_talks_page_is_what_the_generator_makes():
    made = talk.page(talk.rows(), talk.committed())
    assert (DOCS / "the-talk.md").read_text() == made, "run python docs/generate_talk.py"
    assert talk.committed() - {""} <= set(talk.tests(talk.rows()))


def test_the_talk_names_what_exists():
    for row in talk.rows():
        assert row["slides"]
        assert row["says"]
        assert row["works"]
        for part in row["part"]:
            assert bool(part["code"]) == bool(part["tests"]), f"{row['slides']}: {part['what']}"
            assert all((ROOT / path).is_file() for path in part["code"])
            for test in part["tests"]:
                path, _, function = test.partition("::")
                assert f"def {function}(" in (ROOT / path).read_text(), test


def test_every_test_of_the_slides_is_in_the_talk():
    tests = ROOT / "tests"
    files = [*tests.glob("test_slides*.py"), *tests.glob("services/test_slides*.py")]
    there = {
        f"{name_of(path)}::{test}"
        for path in files
        for test in re.findall(r"^def (test_\w+)", path.read_text(), re.M)
    }
    assert there == set(talk.tests(talk.rows()))


REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_a" name="test_one[x]"/>
<testcase classname="tests.test_a" name="test_one[y]"><failure/></testcase>
<testcase classname="tests.test_a" name="test_two"/>
<testcase classname="tests.test_a" name="test_three"><skipped/></testcase>
</testsuite></testsuites>"""


def test_a_part_works_only_if_all_its_tests_passed(tmp_path):
    (tmp_path / "report.xml").write_text(REPORT)
    results = talk.reported([tmp_path / "report.xml"])
    file = "tests/test_a.py"
    assert results == {
        f"{file}::test_one": False, f"{file}::test_two": True, f"{file}::test_three": False
    }  # fmt: skip
    passed = {test for test, good in results.items() if good}
    two, both = [f"{file}::test_two"], [f"{file}::test_two", f"{file}::test_one"]
    parts = [{"what": "", "code": [], "tests": tests} for tests in (two, both, [])]
    assert [talk.status(part, passed) for part in parts] == ["working", "open", "open"]
    assert talk.of_row({"part": parts}, passed) == "partly"
    assert talk.of_row({"part": parts[:1]}, passed) == "working"
    assert talk.of_row({"part": []}, passed) == "open"
