"""``sqlcheck`` on PostgreSQL: what it names, on which line, and that it runs nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MODELS = """
from dataclasses import dataclass
from typing import NamedTuple

from django.db import models

from unhurried.db import SQLManager


class Reports(SQLManager):
    sql = "reports.sql"


class Thing(models.Model):
    name = models.CharField(max_length=20)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    note = models.TextField(null=True)
    made = models.DateTimeField(null=True)
    data = models.JSONField(default=dict)
    other = models.ForeignKey("self", models.CASCADE, null=True)

    objects = models.Manager()
    reports = Reports()

    class Meta:
        db_table = "site_thing"


@dataclass
class Row:
    name: str
    note: str | None


@dataclass
class Strict:
    name: str
    note: str


class Priced(NamedTuple):
    name: int
    price: float
"""
STATEMENTS: list[tuple[str, str, list[str]]] = [
    ("fine() -> list[Row]", "SELECT name, note FROM site_thing", []),
    ("joined() -> list[Strict]", "SELECT a.name, b.note FROM site_thing a LEFT JOIN site_thing b "
     "ON b.id = a.other_id", []),
    ("computed() -> list[Strict]", "SELECT upper(name) AS name, note || 'x' AS note "
     "FROM site_thing", []),
    ("summed(least: int) -> int", "SELECT sum(id) FROM site_thing WHERE id > :least", []),
    ("whole() -> list[Thing]", "SELECT * FROM site_thing", []),
    ("loose(x: str) -> str", "SELECT :x", []),
    ("since(day: date) -> rowcount", "UPDATE site_thing SET note = 'x' WHERE made > :day", []),
    ("delete_all() -> rowcount", "DELETE FROM site_thing", []),
    ("made() -> rowcount", "INSERT INTO site_thing (name, price, data) VALUES ('new', 1, '{}')",
     []),
    ("null() -> list[Strict]", "SELECT name, note FROM site_thing",
     ["note may be NULL, and its type says it is not."]),
    ("kinds() -> list[Priced]", "SELECT name, price FROM site_thing",
     ["name is varchar, which is str, and int in the header.",
      "price is numeric, which is Decimal, and float in the header."]),
    ("columns() -> list[Row]", "SELECT name, note AS remark, 1 AS one FROM site_thing",
     ["columns gives no column 'note', a column 'remark' that Row has not, a column 'one' that Row "
      "has not."]),
    ("parameter(name: int) -> list[Row]", "SELECT name, note FROM site_thing WHERE name = :name",
     ["name is text in the SQL, and int in the header."]),
    ("no_key() -> list[Thing]", "SELECT name FROM site_thing",
     ["it has no column 'id', the primary key of Thing."]),
    ("two() -> int", "SELECT 1, 2", ["it gives 2 columns (?column?, ?column?)"]),
    ("wrong(x: int) -> int", "SELECT\n  :x + 1,\n  nme FROM site_thing",
     ["column \"nme\" does not exist"]),
    ("table() -> int", "SELECT count(*) FROM nowhere", ['relation "nowhere" does not exist']),
]  # fmt: skip


HEAD = """
import django
from django.conf import settings
settings.configure(
    USE_TZ=True, SECRET_KEY="x", DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["unhurried", "thesite"],
    DATABASES={{"default": {{
        "ENGINE": "django.db.backends.postgresql", "NAME": "postgres", "USER": "postgres",
        "HOST": "127.0.0.1", "PORT": {port},
    }}}},
    UNHURRIED={{"MEASURE": False}},
)
django.setup()
from django.core.management import call_command
from django.db import connection
from thesite.models import Thing
"""
MAKE = """
with connection.schema_editor() as editor:
    editor.create_model(Thing)
Thing.objects.create(name="a", price=1)
"""


@pytest.fixture
def site(tmp_path: Path, postgres_server: Any) -> Any:
    """Runs Python in a site of its own, whose one model has these reports."""
    package = tmp_path / "thesite"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "models.py").write_text(MODELS)
    text = "\n\n".join(f"-- name: {header}\n{sql}" for header, sql, _ in STATEMENTS)
    (package / "reports.sql").write_text(text)

    def run(code: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", HEAD.format(port=postgres_server.port) + code],
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT / 'src'}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    made = run(MAKE)
    assert made.returncode == 0, made.stderr
    yield run
    run("connection.cursor().execute('DROP TABLE site_thing')")


def test_each_finding_is_named_and_nothing_is_run(site: Any) -> None:
    done = site('call_command("unhurried", "sqlcheck", "--json")')
    assert done.returncode == 1, done.stderr
    told = {each["name"]: each for each in json.loads(done.stdout)["statements"]}
    assert list(told) == [header.partition("(")[0] for header, _, _ in STATEMENTS]
    for header, _, wanted in STATEMENTS:
        found = told[header.partition("(")[0]]["findings"]
        messages = [each["message"] for each in found]
        assert len(messages) == len(wanted), (header, messages)
        for message, start in zip(messages, wanted, strict=True):
            assert message.startswith(start), (header, messages)
        assert all(each["hint"] for each in found)
    left = site("print(list(Thing.objects.values_list('name', 'note')))")
    assert left.stdout.strip() == "[('a', None)]"


def test_a_mistake_is_named_with_the_line_it_is_on(site: Any) -> None:
    done = site('call_command("unhurried", "sqlcheck", "thesite.Thing")')
    lines = done.stdout.splitlines()
    header = next(n for n, line in enumerate(lines) if "  wrong" in line)
    line = int(lines[header].split()[0].partition(":")[2])
    assert lines[header + 1].strip() == (f'reports.sql:{line + 3}: column "nme" does not exist')
    assert any(line.endswith("fine  ok") for line in lines)


def test_a_model_that_is_not_there(site: Any) -> None:
    done = site('call_command("unhurried", "sqlcheck", "thesite.Thin")')
    assert "No installed app" in done.stderr or "doesn't have a 'Thin' model" in done.stderr
