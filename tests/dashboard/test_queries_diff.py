"""``manage.py unhurried queries --diff``: one diff of what was verified."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from unhurried.queries.reading import keep_proofs

ONE = "--- a/pins/views.py\n+++ b/pins/views.py\n@@ -1 +1 @@\n-pins\n+pins.only('author')\n"
OTHER = "--- a/books/views.py\n+++ b/books/views.py\n@@ -1 +1 @@\n-books\n+books.only('title')\n"


class Found:
    def __init__(self, loop: str, verified: str = "yes") -> None:
        self.loop, self.verified = loop, verified

    def as_dict(self) -> dict[str, Any]:
        return {"kind": "n+1", "loop": self.loop, "verified": self.verified}


def run(*arguments: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("unhurried", "queries", "--diff", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_nothing_yet(store):
    out, err = run()
    assert out == ""
    assert "diagnose --url" in err


def test_each_routes_remedies_stand_in_it_once(store):
    keep_proofs([Found("a:1"), Found("a:2")], "feed/", ONE)
    keep_proofs([Found("b:1")], "books/", OTHER)
    out, err = run()
    assert sorted(out.split("--- a/")) == sorted((ONE + OTHER).split("--- a/"))
    assert err == ""


@pytest.mark.parametrize("name", ["feed/", "/feed/"])
def test_of_one_route(store, name):
    keep_proofs([Found("a:1")], "feed/", ONE)
    keep_proofs([Found("b:1")], "books/", OTHER)
    assert run("--route", name) == (ONE, "")


def test_what_was_not_verified_is_not_in_it(store):
    keep_proofs([Found("a:1", "no"), Found("a:2", "untried")], "feed/", ONE)
    assert run()[0] == ""


def test_two_routes_that_change_one_file_are_not_mixed(store):
    keep_proofs([Found("a:1")], "feed/", ONE)
    keep_proofs([Found("a:3")], "tag/", ONE.replace("author", "editor"))
    out, err = run()
    assert out.count("+++ b/pins/views.py") == 1
    assert "is left out" in err
