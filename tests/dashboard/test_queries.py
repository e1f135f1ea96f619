"""The page of queries, a route's own, and the command: full, empty, in trouble."""

from __future__ import annotations

import io
import json
import re
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.dashboard.test_pages import Strict, seen
from unhurried.dashboard import _numbers, _queries, _queries_text, _routes, _waterfall
from unhurried.measure import measured, reading
from unhurried.queries._live import _proofs
from unhurried.queries._live._sight import Sighting
from unhurried.queries._live._waterfall import Bar, Waterfall

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
PAGE = "/unhurried/queries/"
LOOP = Sighting("n+1", "books.Book.author", "feed.html:12", ("views.py:31",))
DIFF = "--- a/views.py\n+++ b/views.py\n@@ -31 +31 @@\n-Book.objects.all()\n+<fixed>\n"
HOSTILE = "<script>alert(1)</script>\"'&{{ x }}"


@pytest.fixture
def looping(monkeypatch: pytest.MonkeyPatch) -> None:
    """Repeats of any kind are taken for this one."""
    monkeypatch.setattr("unhurried.queries._live._sight.sight", lambda record, seen: LOOP)


def finding(**changed: Any) -> Any:
    found = {
        "kind": "n+1",
        "relation": LOOP.relation,
        "loop": LOOP.loop,
        "origin": "views.py:31",
        "remedy": 'select_related("author")',
        "diff": DIFF,
        "verified": "yes",
        "why": "",
        "count": 96,
        "queries_after": 5,
    }
    return SimpleNamespace(as_dict=lambda: {**found, **changed})


def fill(client: Any, times: int = 2) -> None:
    for _ in range(times):
        client.get("/with_queries/")
    client.get("/personal/")


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("unhurried", "queries", *arguments, stdout=out)
    return out.getvalue()


class TestPage:
    def test_empty(self, staff):
        for _ in range(2):  # what the page itself asks is not the site's
            assert "No query seen yet." in seen(staff, PAGE)

    def test_not_for_visitors(self, visitor):
        assert visitor.get(PAGE).status_code == 403

    def test_with_repeats(self, staff, looping):
        fill(staff)
        html = seen(staff, PAGE)
        assert "feed.html:12" in html
        assert "books.Book.author" in html
        assert "views.py:31" in html
        assert "UNTRIED" in html
        assert "python manage.py unhurried diagnose --url /with_queries/" in html
        assert "SELECT COUNT(*) AS" in html
        assert '<a href="/unhurried/queries/" aria-current="page">' in html

    def test_healthy(self, staff, monkeypatch):
        monkeypatch.setattr("unhurried.queries._live._sight.sight", lambda record, seen: None)
        fill(staff)
        assert "nothing was asked three times over" in seen(staff, PAGE)

    @pytest.mark.parametrize(
        ("changed", "expected"),
        [
            ({}, ["VERIFIED", "replayed: the same page with 5\u00a0queries", "+&lt;fixed&gt;"]),
            ({"verified": "no", "why": "other output"}, [">NO<", "other output"]),
            (
                {"verified": "untried", "diff": ""},
                ["UNTRIED", "select_related(&quot;author&quot;)"],
            ),
        ],
    )
    def test_a_proof_stands_beside_its_line(self, staff, looping, changed, expected):
        fill(staff)
        _proofs.save([finding(**changed)], "with_queries/")
        html = seen(staff, PAGE)
        for text in expected:
            assert text in html

    def test_a_proof_of_another_line_does_not(self, staff, looping):
        fill(staff)
        _proofs.save([finding(loop="feed.html:13"), finding(relation=None)], "with_queries/")
        assert "VERIFIED" not in seen(staff, PAGE)

    def test_the_proof_of_the_same_route_is_shown(self, staff, looping):
        fill(staff)
        _proofs.save([finding(verified="no", why="elsewhere")], "other/")
        _proofs.save([finding()], "with_queries/")
        html = seen(staff, PAGE)
        assert "VERIFIED" in html
        assert "elsewhere" not in html

    def test_in_the_document_too(self, staff, looping):
        fill(staff)
        staff.get("/with_queries_too/")
        _proofs.save([finding(verified="no", why="changed")], "with_queries/")
        _proofs.save([finding()], "with_queries_too/")
        sightings = json.loads(run("--json"))["sightings"]
        assert {each["route"] for each in sightings} == {"with_queries/", "with_queries_too/"}
        for each in sightings:
            assert each["proof"]["route"] == each["route"]

    def test_a_route_with_parameters_can_be_typed(self, staff, looping):
        for _ in range(2):
            staff.get("/counted/7/")
        html = seen(staff, PAGE)
        assert "diagnose --url /counted/{int:pk}/<" in html
        assert "diagnose --url /counted/{int:pk}/\n" in run()

    def test_nothing_of_a_name_gets_out(self, staff, monkeypatch):
        hostile = Sighting("n+1", HOSTILE, HOSTILE, (HOSTILE,))
        monkeypatch.setattr("unhurried.queries._live._sight.sight", lambda record, seen: hostile)
        fill(staff)
        given = dict.fromkeys(("relation", "loop", "origin", "remedy", "diff", "why"), HOSTILE)
        _proofs.save([finding(**given, verified="no")], "with_queries/")
        assert "<script>alert" not in seen(staff, PAGE)

    def test_the_dashboards_own_do_not_count(self, staff):
        fill(staff)
        seen(staff, PAGE)
        assert "django_session" in seen(staff, PAGE)  # of /personal/, not of ours
        labels = [
            p.label
            for t in _queries.read(_numbers.read("unhurried/"), "unhurried/").texts
            for p in t.places
        ]
        assert {"/with_queries/", "/personal/"} <= set(labels)
        assert not [label for label in labels if label.startswith("/unhurried")]

    def test_a_store_that_cannot_be_read(self, staff, monkeypatch):
        def fail(**kwargs):
            raise reading.StoreError("It is broken.", "Mend it.")

        monkeypatch.setattr("unhurried.dashboard._numbers.snapshot", fail)
        assert "Mend it." in seen(staff, PAGE, 503)


class TestRoute:
    def address(self, name: str) -> str:
        return f"/unhurried/routes/{_routes.slug('request', name)}/"

    def test_its_own_alone(self, staff, looping):
        fill(staff, times=20)
        html = seen(staff, self.address("with_queries/"))
        assert "feed.html:12" in html
        assert "Queries by time" in html
        assert "The latest sampled request" in html
        assert 'class="w-work"' in html
        other = seen(staff, self.address("personal/"))
        assert "feed.html:12" not in other

    def test_without_queries(self, staff):
        staff.get("/page/")
        html = seen(staff, self.address("page/"))
        assert "Queries by time" not in html
        assert "The latest sampled" not in html

    def test_a_unit(self, staff, looping):
        with measured("nightly import"):
            staff.session.exists("x")
        name = _routes.slug("unit", "nightly import")
        assert "Queries by time" in seen(staff, f"/unhurried/routes/{name}/")


class TestWaterfall:
    def found(self, *bars: Bar, wall: float = 0.1) -> Waterfall:
        return Waterfall(0.0, 200, wall, {}, len(bars), bars)

    def test_each_query_is_there_and_back(self):
        bar = Bar(0.02, 0.010, "default", "SELECT 1", "views.py:3")
        drawn = _waterfall.drawing(self.found(bar, bar), {"default": 0.004})
        [lane] = drawn.lanes
        assert (lane.count, lane.seconds, lane.way) == (2, 0.020, 0.008)
        assert [(p.name, p.x, p.width) for p in lane.pieces[:3]] == [
            ("way", "20.00%", "2.00%"),
            ("way", "28.00%", "2.00%"),
            ("work", "22.00%", "6.00%"),
        ]
        assert drawn.way + drawn.work + drawn.rest == pytest.approx(drawn.wall)

    def test_the_way_is_never_longer_than_the_query(self):
        bar = Bar(0.02, 0.001, "default", "SELECT 1", None)
        drawn = _waterfall.drawing(self.found(bar), {"default": 0.004})
        assert (drawn.way, drawn.work) == (0.001, 0)

    def test_there_may_be_nothing(self):
        assert _waterfall.drawing(None, {}) is None
        assert _waterfall.drawing(self.found(), {}) is None
        assert _waterfall.drawing(self.found(Bar(0, 1, "", "", None), wall=0), {}) is None

    def test_what_does_not_fit_is_counted(self):
        bars = [Bar(0.001 * n, 0.0005, "default", f"SELECT {n}", None) for n in range(60)]
        drawn = _waterfall.drawing(self.found(*bars), {})
        assert (len(drawn.lanes), drawn.more) == (40, 20)


class TestCommand:
    def test_empty(self, store):
        text = run()
        assert text.startswith("No query seen yet.")
        assert "UNHURRIED['STORE']" in text
        assert json.loads(run("--json"))["statements"] == []

    def test_statements_and_repeats(self, staff, looping):
        fill(staff)
        text = run()
        assert re.search(r"\d round trips, .+ on the way, .+ of work", text)
        assert "/with_queries/" in text
        assert "SELECT COUNT(*) AS" in text
        assert "feed.html:12 reads books.Book.author, one row at a time   UNTRIED" in text
        assert "    python manage.py unhurried diagnose --url /with_queries/" in text

    def test_proofs(self, staff, looping):
        fill(staff)
        _proofs.save([finding()], "with_queries/")
        text = run()
        assert "VERIFIED" in text
        assert "    +<fixed>" in text
        assert "the rows come from views.py:31" in text

    def test_no_repeats(self, staff, monkeypatch):
        monkeypatch.setattr("unhurried.queries._live._sight.sight", lambda record, seen: None)
        fill(staff)
        assert "nothing was asked three times over" in run()

    @pytest.mark.parametrize("name", ["/with_queries/", "with_queries/"])
    def test_one_route(self, staff, name):
        fill(staff)
        text = run("--route", name)
        assert "/with_queries/" in text
        assert "/personal/" not in text

    def test_a_route_that_asked_nothing(self, staff):
        fill(staff)
        text = " ".join(run("--route", "/nowhere/").split())
        assert "No query was seen on /nowhere/." in text
        assert "/with_queries/" in text

    def test_the_limit(self, staff):
        fill(staff)
        assert "more: --limit" in run("--limit", "1")
        assert len(json.loads(run("--json", "--limit", "1"))["statements"]) == 1

    @pytest.mark.parametrize("wrong", ["0", "-1", "many", "1.5"])
    def test_a_wrong_limit(self, wrong):
        with pytest.raises(CommandError, match="no whole number from 1"):
            run(f"--limit={wrong}")

    def test_json(self, staff, looping):
        fill(staff)
        _proofs.save([finding()], "with_queries/")
        found = json.loads(run("--json"))
        assert found.keys() == {"at", "store", "statements", "sightings"}
        assert {each["label"] for each in found["statements"]} >= {"/with_queries/"}
        [sighting] = [s for s in found["sightings"] if s["route"] == "with_queries/"]
        assert sighting["proof"]["verified"] == "yes"

    @pytest.mark.parametrize("width", [40, 80, 200])
    def test_it_fits(self, staff, looping, width):
        fill(staff)
        lines = list(_queries_text.lines(20, None, width))
        commands = [line for line in lines if "manage.py" in line]
        assert max(len(line) for line in lines if line not in commands) <= width


def test_brief():
    long = (
        'SELECT "books_book"."id", "books_book"."title", "books_book"."author_id" FROM "books_book"'
    )
    assert _queries.brief(long) == 'SELECT … FROM "books_book"'
    assert _queries.brief("SELECT a FROM t") == "SELECT a FROM t"
    assert _queries.brief("UPDATE t SET a = %s") == "UPDATE t SET a = %s"


def test_the_page_stays_strict(staff, looping):
    fill(staff, times=20)
    _proofs.save([finding()], "with_queries/")
    Strict(staff.get(PAGE).content.decode())
