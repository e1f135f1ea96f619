"""The first screen: for every width, with and without colour."""

from __future__ import annotations

import re

import pytest

from unhurried.cache.reading import Verdict
from unhurried.diagnose import Report
from unhurried.diagnose._text import lines, wants_colour
from unhurried.queries import Finding

DIFF = """--- a/pins/views.py
+++ b/pins/views.py
@@ -1,1 +1,1 @@
-    pins = Pin.objects.all()
+    pins = Pin.objects.select_related("author")
"""


def finding(**changed: object) -> Finding:
    known = {
        "kind": "n+1", "relation": "pins.Pin.author", "path": "author", "loop": "feed.html:12",
        "through": (), "origin": "pins/views.py:31", "count": 96, "instances": 96,
        "remedy": '.select_related("author")', "fixable": True, "alias": "default",
        "fingerprint": "SELECT 1", "seconds": 0.2, "diff": DIFF, "verified": "yes",
        "queries_after": 5, "seconds_after": 0.121,
    }  # fmt: skip
    return Finding(**{**known, **changed})  # type: ignore[arg-type]


def report(*findings: Finding, **changed: object) -> Report:
    parts = {"python": 0.021, "database": 0.293, "cache": 0.01, "http": 0.0, "templates": 0.088}
    known = {
        "url": "/feed/", "user": None, "route": "feed/", "status": 200, "seconds": 0.412,
        "parts": parts, "floor": 0.283, "queries": 101, "findings": list(findings),
    }  # fmt: skip
    return Report(**{**known, **changed})  # type: ignore[arg-type]


def screen(shown: Report, width: int = 104, *, colour: bool = False) -> list[str]:
    return list(lines(shown, width, colour=colour))


def test_it_is_the_designs():
    said = screen(report(finding(), diff=DIFF, queries_after=5, seconds_after=0.121), 120)
    assert said == [
        "/feed/   412 ms  =  293 database (101 queries x 2.8 on the wire, 10 of work) + 88 "
        "templates + 21 python + 10 rest",
        " 1  96 of 101 queries: feed.html:12 asks Pin.author once per row; the rows come from "
        "pins/views.py:31",
        "      - pins = Pin.objects.all()",
        '      + pins = Pin.objects.select_related("author")',
        "    replayed: 101 -> 5 queries, 412 -> 121 ms, the same page".ljust(112) + "VERIFIED",
        "apply: manage.py unhurried diagnose --url /feed/ --diff | git apply",
    ]


@pytest.mark.parametrize("width", [1, 40, 41, 60, 80, 100, 250])
def test_no_line_is_wider_than_the_terminal(width):
    shown = report(
        finding(),
        finding(verified="no", why="the page would differ: " + "x " * 200),
        finding(verified="untried", why="", diff="", remedy="in_bulk " * 20),
        finding(kind="duplicate", relation=None, fingerprint="SELECT " + "x, " * 99),
        finding(kind="unused eager load", diff=DIFF + "+ x\n" * 30),
        notes=["held back: a mail: \x1b[31mred"],
        user="jacob",
    )
    said = screen(shown, width)
    assert max(map(len, said)) <= max(width, 40)
    assert not [line for line in said if "\x1b" in line]
    plain = [re.sub(r"\x1b\[[0-9]*m", "", line) for line in screen(shown, width, colour=True)]
    assert plain == said


def test_what_is_not_verified_says_why():
    said = "\n".join(screen(report(finding(verified="no", why="it fetches 3 times the rows"))))
    assert "not verified: it fetches 3 times the rows" in said
    assert "VERIFIED" not in said
    said = "\n".join(screen(report(finding(verified="untried", why="no edit", diff=""))))
    assert "untried: no edit" in said
    assert '      .select_related("author")' in said


def test_several_together():
    shown = report(finding(), finding(), diff=DIFF, queries_after=1, seconds_after=None)
    assert "all 2 verified together: 101 -> 1 queries, the same page" in screen(shown)


def test_a_healthy_page():
    assert screen(report())[-1] == "Nothing to fix. 101 queries, none repeated."
    assert "none repeated" in screen(report(unplaced=1))[-1]
    assert "database +" in screen(report(queries=0))[0]


def test_what_has_no_line_of_the_projects_is_no_finding_and_said():
    said = "96 of 101 queries are one statement, asked by library code: no line of yours to name."
    assert screen(report(unplaced=96), 200)[1:] == [said]


def test_the_document_is_plain():
    document = report(finding()).as_dict()
    assert document["findings"][0]["diff"] == DIFF
    assert document["parts"]["database"] == 0.293


@pytest.mark.parametrize(
    ("terminal", "refused", "variable", "wanted"),
    [
        (True, False, "", True),
        (True, True, "", False),
        (True, False, "1", False),
        (False, False, "", False),
    ],
)
def test_colour_only_where_it_is_wanted(monkeypatch, terminal, refused, variable, wanted):
    monkeypatch.setenv("NO_COLOR", variable)
    assert wants_colour(is_terminal=terminal, refused=refused) is wanted


HELLO = Verdict(
    'nothing on the page is personal but feed.html:3 "Hello, {{ user.name }}"',
    ["@cached_page(600)", '{% fragment "hello" %}'],
    ["pins_pin", "auth_user"],
)


def test_what_of_it_is_for_everybody():
    said = screen(report(finding(), verdict=HELLO), 120)
    assert said[-3:] == [
        ' 2  nothing on the page is personal but feed.html:3 "Hello, {{ user.name }}"',
        '      + @cached_page(600)  and  {% fragment "hello" %}',
        "    renewed when pins_pin or auth_user changes",
    ]


def test_a_way_out_in_words_is_no_line_of_code():
    verdict = Verdict("the view itself looks at user: pins/views.py:31", ["Take it out."])
    said = screen(report(verdict=verdict))
    assert said[-2:] == [
        " 1  the view itself looks at user: pins/views.py:31", "      Take it out.",
    ]  # fmt: skip


def test_what_has_no_remedy_is_no_finding():
    verdict = Verdict("the page can't be kept: a write to pins_pin at pins/views.py:31")
    assert screen(report(verdict=verdict))[-1] == f"    {verdict.said}"
    verdict = Verdict("nothing on the page is personal", kept="cached_page keeps it.")
    assert screen(report(verdict=verdict))[-1] == "    cached_page keeps it."


@pytest.mark.parametrize("width", [1, 40, 80])
def test_a_verdict_is_no_wider_either(width):
    verdict = Verdict(f"{HELLO.said} " * 3, [*HELLO.remedy * 3, "Take it out. " * 9], ["t"] * 60)
    assert max(map(len, screen(report(verdict=verdict), width))) <= max(width, 40)


def test_it_is_in_the_document():
    assert report(verdict=HELLO).as_dict()["verdict"]["remedy"] == HELLO.remedy
    assert report().as_dict()["verdict"] is None
