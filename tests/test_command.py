"""The command around its verbs: what it refuses, and what it writes where."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.books.models import Author
from unhurried.dashboard import _queries_diff, _queries_text, _top
from unhurried.management import _copy
from unhurried.management.commands import unhurried as command

ROOT = Path(__file__).resolve().parent.parent


def run(*words: str) -> str:
    out = io.StringIO()
    call_command("unhurried", *words, stdout=out)
    return out.getvalue()


def shell(words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """As from a shell, with what it does to the streams."""
    known = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "src"), str(ROOT)])),
    }
    return subprocess.run(
        ["sh", "-c", f"{sys.executable} -m django unhurried {words}"],
        cwd=ROOT,
        env={**os.environ, **known, **environment},
        capture_output=True,
        check=False,
    )


class TestWhatTheSitePrints:
    """A view that prints, a loader, a migration's leftover: it is no part of the document."""

    def test_is_not_in_a_document(self, monkeypatch, capsys, store):
        def document(*args: Any) -> dict[str, Any]:
            print("hello from the site")  # noqa: T201
            return {"a": 1}

        monkeypatch.setattr(_queries_text, "document", document)
        assert json.loads(run("queries", "--json")) == {"a": 1}
        assert capsys.readouterr() == ("", "hello from the site\n")
        call_command("unhurried", "queries", "--json")
        assert capsys.readouterr().out == '{"a": 1}\n'

    def test_nor_in_a_diff(self, monkeypatch, capsys, store):
        def diff(route: Any) -> tuple[str, list[str]]:
            print("hello from the site")  # noqa: T201
            return "--- a\n", []

        monkeypatch.setattr(_queries_diff, "diff", diff)
        call_command("unhurried", "queries", "--diff")
        assert capsys.readouterr() == ("--- a\n", "hello from the site\n")

    def test_is_left_where_it_is_in_a_text(self, monkeypatch, capsys, store):
        monkeypatch.setattr(_queries_text, "print_all", lambda *args: print("hello"))  # noqa: T201
        call_command("unhurried", "queries")
        assert capsys.readouterr().out == "hello\n"


class TestNumbersThatJsonDoesNotKnow:
    def test_are_null(self, monkeypatch):
        found = {"gauges": {"depth": float("inf"), "height": 1.5}, "x": [float("nan"), "a", True]}
        monkeypatch.setattr(_top, "document", lambda interval: found)

        def refuse(name: str) -> None:
            raise AssertionError(name)

        told = json.loads(run("top", "--json"), parse_constant=refuse)
        assert told == {"gauges": {"depth": None, "height": 1.5}, "x": [None, "a", True]}


class TestStreams:
    def test_without_a_keyboard(self, monkeypatch, store):
        monkeypatch.setattr(sys, "stdin", None)
        monkeypatch.setattr(_top, "print_once", lambda out, interval, colour: out.write("once"))
        assert run("top", "--once") == "once\n"
        assert run("top") == "once\n"

    def test_a_terminal_of_another_alphabet(self):
        for words in ("top --once --interval 0.05", "edge --help"):
            done = shell(words, PYTHONIOENCODING="ascii")
            assert done.returncode == 0, done.stderr
        assert b"https://?" in done.stdout

    def test_a_diff_is_as_the_sources_are(self, monkeypatch):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
        monkeypatch.setattr(_queries_diff, "diff", lambda route: ("+# Gr\u00fc\u00dfe\n", []))
        command.Command().run_from_argv(["manage.py", "unhurried", "queries", "--diff"])
        sys.stdout.flush()
        assert raw.getvalue().decode() == "+# Gr\u00fc\u00dfe\n"


@pytest.mark.parametrize("verb", ["diagnose", "queries"])
@pytest.mark.parametrize("limit", ["-1", "0", "many"])
def test_a_limit_is_a_number_from_1(verb, limit):
    with pytest.raises(CommandError, match="is no whole number from 1"):
        run(verb, "--limit", limit)


def test_a_hint_is_told_once(db, store):
    with pytest.raises(CommandError) as caught:
        run("why", "nothing_that_is_kept")
    assert str(caught.value).count("manage.py unhurried why") == 1


@pytest.mark.django_db(transaction=True)
class TestCopy:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "authors.csv"
        path.write_text("name,id\nfine,\nbad,many\n")
        return str(path)

    def test_what_is_left_out_is_in_the_document(self, file):
        told = json.loads(run("copy", "books.Author", file, "--collect", "--json"))
        [error] = told.pop("errors")
        assert (error["row_number"], error["field"]) == (1, "id")
        assert (told["count"], told["pks"]) == (1, None)
        assert set(told) == {"count", "pks", "road", "seconds"}
        assert Author.objects.count() == 1

    def test_the_way_out_is_an_option_here(self, file):
        with pytest.raises(CommandError, match=r"or load the others: --collect$"):
            run("copy", "books.Author", file)

    def test_a_database_nobody_knows(self, file):
        with pytest.raises(CommandError, match=r"no database 'nope'\. There are: default"):
            run("copy", "books.Author", file, "--using", "nope")

    @pytest.mark.parametrize("options", [[], ["--collect"], ["--collect", "--json"]])
    def test_a_table_that_is_missing_is_no_rows_fault(self, file, options):
        with connection.schema_editor() as editor:
            editor.alter_db_table(Author, "books_author", "elsewhere")
        try:
            with pytest.raises(CommandError, match="default has no table books_author") as caught:
                run("copy", "books.Author", file, *options)
        finally:
            with connection.schema_editor() as editor:
                editor.alter_db_table(Author, "elsewhere", "books_author")
        assert "migrate" in str(caught.value)
        assert "--collect" not in str(caught.value)

    def test_of_a_pipe_the_rows_are_told(self):
        terminal = SimpleNamespace(said="", flush=lambda: None)
        terminal.write = lambda text, ending: setattr(terminal, "said", terminal.said + text)
        reading, writing = os.pipe()
        os.close(writing)
        with open(reading) as pipe:
            bar = _copy.Bar(terminal, pipe)
            bar(1000)
            bar(2000)
        assert terminal.said == "\r1,000 rows\r2,000 rows"
