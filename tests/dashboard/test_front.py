"""The front page: the verdict in every state, what is below it, and the findings of a route."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from itertools import starmap
from typing import Any

import pytest
from django.test import Client, override_settings

from tests.dashboard import verdicts
from tests.dashboard.test_pages import Strict, fill, seen
from unhurried import testing
from unhurried.conf import settings
from unhurried.dashboard import _findings, _releases, _routes, _verdict_views
from unhurried.diagnose.reading import SLOW, Cause, Verdict
from unhurried.measure import StoreError, _history, counter, measured, reading
from unhurried.measure.reading import Release

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
FRONT = "/unhurried/"
Judge = Callable[[Verdict], list[float | None]]


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    """Call it with what the judge shall say; the minutes it is asked for come back."""

    def judged(found: Verdict) -> list[float | None]:
        asked: list[float | None] = []

        def verdict(minutes: float | None) -> Verdict:
            asked.append(minutes)
            return found

        monkeypatch.setattr(_verdict_views, "verdict", verdict)
        return asked

    return judged


def plain(html: str) -> str:
    """What is read of a page: no tags, one space between words."""
    return " ".join(re.sub(r"<[^>]+>", " ", html).replace("\u00a0", " ").split())


def test_what_a_clock_that_went_ahead_has_written_is_not_now(staff: Client, store: Any) -> None:
    writer, now = _history.History(reading.folder() / f"v{reading.VERSION}"), time.time()

    def write(at: float) -> None:
        staff.get("/page/")
        writer.sample(at)

    def times() -> list[float]:
        return [at for at, _ in reading.totals(writer.path.parent, "hour")]

    for at in (now + 86400, now + 86410):
        write(at)
    assert times() == []
    for at in (now - 20, now - 10):
        write(at)
    assert times() == [now - 10]
    with closing(_history._connect(writer.path)) as database:
        [(last,)] = database.execute("SELECT max(at) FROM sample")
    assert last == now - 10
    writer.close()


class TestStates:
    def test_empty_is_not_judged(self, staff: Client, judge: Judge) -> None:
        asked = judge(verdicts.SLOW_SITE)
        html = seen(staff, FRONT)
        said = "Nothing measured yet. Open any page, or: manage.py unhurried diagnose --url /"
        assert said in plain(html)
        assert 'data-state="empty"' in html
        assert asked == []

    def test_slow(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        asked = judge(verdicts.SLOW_SITE)
        html = seen(staff, FRONT)
        assert re.findall(r"<h1[^>]*>([^<]+)</h1>", html) == [verdicts.SLOW_SITE.said]
        assert "467 requests in 60 min, 390 ms each" in plain(html)
        assert asked == [60.0]

    def test_fine_names_the_slowest(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.FINE_SITE)
        html = seen(staff, FRONT)
        assert "Nothing to fix" in plain(html)
        assert "The slowest route, /with_queries/ , takes 110 ms on average." in plain(html)
        assert f'"/unhurried/routes/{_routes.slug("request", "with_queries/")}/"' in html
        assert 'class="findings"' not in html

    def test_the_slowest_is_named_once(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        said = "Nothing to fix. /with_queries/ is the slowest, with 110 ms."
        judge(replace(verdicts.FINE_SITE, said=said))
        html = seen(staff, FRONT)
        assert "Look at /with_queries/" in plain(html)
        assert "The slowest route" not in html

    def test_too_little_says_how_much_there_is_and_the_ways_out(
        self, staff: Client, judge: Judge
    ) -> None:
        fill(staff)
        judge(verdicts.TOO_LITTLE_YET)
        html = seen(staff, FRONT)
        assert "12 requests in 10 minutes, 200 are needed" in html
        assert "12 requests in 10 min Open the pages that are slow" in plain(html)
        assert "manage.py unhurried diagnose --url /" in html
        assert "Where your users\u2019 time goes since the beginning" in plain(html)

    def test_work_alone_is_told_from_nothing(self, staff: Client, judge: Judge) -> None:
        with measured("nightly import"):
            pass
        judge(verdicts.TOO_LITTLE_YET)
        assert 'id="where"' not in seen(staff, FRONT)

    def test_a_verdict_without_anything(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.NOTHING_AT_ALL)
        assert 'class="findings"' not in seen(staff, FRONT)

    def test_a_store_that_cannot_be_judged_is_told(
        self, staff: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(minutes: float | None) -> Verdict:
            raise StoreError("<the store> is gone.", "Make another.")

        fill(staff)
        monkeypatch.setattr(_verdict_views, "verdict", fail)
        html = seen(staff, FRONT, 503)
        assert "&lt;the store&gt; is gone." in html
        assert "Make another." in html


class TestOrder:
    def test_the_verdict_comes_first_and_yours_last(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.SLOW_SITE)
        html = seen(staff, FRONT)
        marks = ["<h1", 'class="findings"', 'class="unseen"', 'id="where"', 'id="now"']
        marks += ['data-chart="requests"', 'id="rows"', 'id="yours-title"']
        places = [html.index(mark) for mark in marks]
        assert places == sorted(places)
        assert html.count("<h1") == 1

    def test_the_bar_adds_to_100(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        for found in (verdicts.SLOW_SITE, verdicts.FINE_SITE, verdicts.EXTREME):
            judge(found)
            percents = re.findall(r"<b>(\d+)&nbsp;%</b>", seen(staff, FRONT))
            assert sum(map(int, percents)) == 100
            assert len(percents) == len(found.parts)

    def test_less_than_nothing_is_not_drawn(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        parts = {"view": 3.0, "network": -0.1, "queue": 1.0}
        judge(Verdict(SLOW, "Slow", 60.0, parts=parts))
        html = seen(staff, FRONT)
        assert re.findall(r"<b>(\d+)&nbsp;%</b>", html) == ["75", "0", "25"]
        assert 'width="-' not in html

    def test_every_part_has_a_colour_of_its_own(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.SLOW_SITE)
        bar = seen(staff, FRONT).partition('id="where"')[2].partition("</svg>")[0]
        tones = re.findall(r'class="(p-[\w-]+)"', bar)
        assert tones == [
            "p-spare-0",
            "p-way",
            "p-db",
            "p-http",
            "p-template",
            "p-view",
            "p-spare-2",
        ]
        judge(verdicts.EXTREME)
        bar = seen(staff, FRONT).partition('id="where"')[2].partition("</svg>")[0]
        tones = re.findall(r'class="(p-[\w-]+)"', bar)
        assert tones == [f"p-spare-{n % 6}" for n in range(11)]

    def test_blind_spots_and_notes(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.SLOW_SITE)
        html = seen(staff, FRONT)
        unseen = html.partition('class="unseen"')[2].partition("</section>")[0]
        assert re.findall(r"<li>([^<]+)</li>", unseen) == verdicts.UNSEEN
        assert "Two workers were begun anew in this hour." in html

    def test_findings_stand_in_the_verdict_s_order(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.EXTREME)
        html = seen(staff, FRONT)
        shares = re.findall(r'class="share">([^<]+)<', html)
        assert shares[-3:] == ["13\u00a0%", "20\u00a0%", "40\u00a0%"]
        assert shares[0] == "0.4\u00a0%"
        assert re.findall(r'class="number">(\d+)<', html) == [str(n) for n in range(1, 13)]
        assert len(re.findall(r"<details[^>]* open>", html)) == 3


class TestFinding:
    def finding(self, staff: Client, judge: Judge, *causes: Cause) -> str:
        fill(staff)
        judge(Verdict(SLOW, "Slow", 600.0, 9, 3.0, 0.39, {"view": 3.0}, [*causes]))
        return seen(staff, FRONT).partition('class="findings"')[2].partition("</ol>")[0]

    def test_all_that_there_is(self, staff: Client, judge: Judge) -> None:
        html = self.finding(staff, judge, verdicts.NETWORK)
        text = plain(html)
        for said in (
            *verdicts.NETWORK.evidence,
            "48 % 1 Pages wait for the network to the database sure VERIFIED",
            "network latency on /with_queries/",
            "feed.html:12 · pins/views.py:31",
            verdicts.NETWORK.advice,
            "would give back 31 % of users\u2019 time: 120 ms of 390 ms a request",
            "Whether it helps: manage.py unhurried diagnose --url /with_queries/",
        ):
            assert said in text
        assert '<span class="d-minus">-    pins = Pin.objects.all()[:96]</span>' in html
        assert '<span class="d-place">--- a/pins/views.py</span>' in html

    def test_a_remedy_without_a_diff_is_code(self, staff: Client, judge: Judge) -> None:
        html = self.finding(staff, judge, verdicts.TEMPLATE)
        assert "<code>{% fragment &quot;pin&quot; pin %}\n…\n{% endfragment %}</code>" in html
        assert "UNTRIED" in html

    def test_what_the_diff_shows_is_not_shown_twice(self, staff: Client, judge: Judge) -> None:
        cause = Cause("own bugs", "t", 0.1, "sure", "k", diff=verdicts.DIFF)
        cause.remedy = ['select_related("author")', "manage.py migrate"]
        html = self.finding(staff, judge, cause)
        assert 'aria-label="What to type"><code>manage.py migrate</code>' in html

    @pytest.mark.parametrize(
        ("gain", "expected", "said"),
        [
            (None, None, ""),
            (0.12, None, "would give back 120 ms of 390 ms a request"),
            (None, 0.004, "would give back 0.4 % of users\u2019 time"),
            (0.0, 0.0, ""),
        ],
        ids=["none", "seconds", "share", "nil"],
    )
    def test_gain(self, gain: Any, expected: Any, said: str) -> None:
        cause = Cause("own bugs", "t", 0.1, "sure", "k", gain=gain, expected=expected)
        shown = _findings.Shown(1, cause, 0.39, None)
        assert shown.gain.replace("\u00a0", " ") == said

    @pytest.mark.parametrize(
        ("cause", "word"),
        [
            (verdicts.NETWORK, "yes"),
            (verdicts.TEMPLATE, "untried"),
            (Cause("own bugs", "t", 0.1, "sure", "k"), ""),
            (Cause("own bugs", "t", 0.1, "sure", "k", query={"verified": "no"}), "no"),
            (Cause("own bugs", "t", 0.1, "sure", "k", remedy=["x"], query={}), "untried"),
        ],
        ids=["verified", "untried", "nothing to try", "disproven", "a query of no word"],
    )
    def test_the_word(self, cause: Cause, word: str) -> None:
        assert _findings.Shown(1, cause, 0.39, None).proven == word

    @pytest.mark.parametrize(
        ("had", "said"),
        [(0.35, "had \u221235 %"), (-0.05, "had +5.0 %"), (0.0, "had 0 %")],
        ids=["better", "worse", "nothing"],
    )
    def test_promised_and_had(self, had: float, said: str) -> None:
        [came] = _findings.came(verdicts.applied(had), {})
        told = came.said.replace("\u00a0", " ")
        assert told.startswith(
            f"promised \u221238 %, {said} since release 51c0: 112 ms a visit, now"
        )

    def test_a_route_that_was_not_measured_has_no_link(self, staff: Client, judge: Judge) -> None:
        cause = Cause("own bugs", "t", 0.1, "sure", "k", route="gone/")
        html = self.finding(staff, judge, cause)
        assert "own bugs on /gone/" in plain(html)
        assert "href" not in html


class TestExtremes:
    def test_hostile_text_is_text(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.EXTREME)
        html = seen(staff, FRONT)
        assert "<script>alert" not in html
        assert "{{ x }}{% y %}?\ufffd" in html, "half a character, and one that turns the text"
        assert "\u202e" not in html
        assert html.count("&lt;script&gt;alert(1)") > 50
        assert "and 6 more" in plain(html)
        assert "and 14 more" in plain(html)

    @override_settings(DEFAULT_CHARSET="latin-1")
    def test_pages_are_utf_8_whatever_the_site_is(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.SLOW_SITE)
        response = staff.get(FRONT)
        assert response["Content-Type"] == "text/html; charset=utf-8"
        assert "users\u2019 time" in response.content.decode()

    def test_a_page_of_twelve_findings_stays_small(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.SLOW_SITE)
        assert len(seen(staff, FRONT)) < 30_000
        judge(verdicts.EXTREME)
        assert len(seen(staff, FRONT)) < 150_000

    def test_findings_of_one_key_would_be_one_id(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(Verdict(SLOW, "Slow", 600.0, findings=[verdicts.NETWORK, verdicts.NETWORK]))
        Strict(seen(staff, FRONT))


class TestSpans:
    @pytest.mark.parametrize(
        ("asked", "minutes", "current"),
        [
            ("", 60.0, "hour"),
            ("10", 10.0, "10 min"),
            ("60", 60.0, "hour"),
            ("all", None, "this release"),
            ("1e9", 60.0, "hour"),
            ("<b>", 60.0, "hour"),
        ],
    )
    def test_minutes(
        self, staff: Client, judge: Judge, asked: str, minutes: float | None, current: str
    ) -> None:
        fill(staff)
        given = judge(verdicts.FINE_SITE)
        html = seen(staff, f"{FRONT}?minutes={asked}")
        nav = html.partition("judged-of")[2].partition("</nav>")[0]
        assert re.findall(r'aria-current="true">([^<]+)<', nav) == [current]
        assert given == [minutes]

    def test_each_choice_keeps_the_other(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.FINE_SITE)
        html = seen(staff, f"{FRONT}?minutes=10&span=day")
        assert 'href="?minutes=all&amp;span=day"' in html
        assert 'href="?minutes=10&amp;span=month"' in html
        html = seen(staff, FRONT)
        assert 'href="?minutes=all"' in html
        assert 'href="?span=month"' in html


class TestRoute:
    PAGE = f"/unhurried/routes/{_routes.slug('request', 'with_queries/')}/"

    def test_its_findings_alone(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        asked = judge(verdicts.SLOW_SITE)
        html = seen(staff, self.PAGE)
        assert verdicts.NETWORK.title in html
        assert verdicts.TEMPLATE.title not in html
        assert "network latency on" not in plain(html), "it is on the page itself"
        assert asked == [60.0]

    def test_they_are_ranked_among_themselves_and_open(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        others = [Cause("own bugs", f"t{n}", 0.5, "sure", f"k{n}", route="") for n in range(4)]
        judge(Verdict(SLOW, "Slow", 60.0, findings=[*others, verdicts.NETWORK]))
        html = seen(staff, self.PAGE)
        assert re.findall(r'class="number">(\d+)<', html) == ["1"]
        assert re.search(r"<details[^>]* open>", html)
        root = seen(staff, f"/unhurried/routes/{_routes.slug('request', '')}/")
        assert re.findall(r'class="number">(\d+)<', root) == ["1", "2", "3", "4"]

    def test_another_route_has_none(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        judge(verdicts.SLOW_SITE)
        html = seen(staff, f"/unhurried/routes/{_routes.slug('request', 'page/')}/")
        assert 'class="findings"' not in html
        assert "verdict.css" in html, "a finding may come while the page is open"

    def test_work_outside_requests_is_not_judged(self, staff: Client, judge: Judge) -> None:
        fill(staff)
        asked = judge(verdicts.SLOW_SITE)
        seen(staff, f"/unhurried/routes/{_routes.slug('unit', 'nightly import')}/")
        assert asked == []


@pytest.mark.django_db(transaction=True)
class TestHits:
    def test_a_route_whose_page_is_kept(self, staff: Client, judge: Judge) -> None:
        judge(verdicts.FINE_SITE)
        with testing.override(STORE=settings.STORE, STRICT=False):
            for _ in range(4):
                staff.get("/kept/")
            staff.get("/page/")
        for address in (FRONT, "/unhurried/routes/"):
            html = seen(staff, address)
            found = re.findall(r'href="(/unhurried/cache/[^"]+)">([^<]+)<', html)
            slug = _routes.slug("kept", "tests.dashboard.site.kept")
            assert found == [(f"/unhurried/cache/{slug}/", "75\u00a0% from the cache")]


class TestYours:
    def test_the_first_are_drawn_and_the_others_counted(self, staff: Client, judge: Judge) -> None:
        judge(verdicts.FINE_SITE)
        for n in range(15):
            counter(f"things.{n:02}").increment()
        html = seen(staff, FRONT)
        assert len(re.findall(r'data-chart="counters:', html)) == 12
        assert ">3 more</a>" in html
        assert html.count("data-charts=") == 2


class TestReleases:
    AT = 1_700_000_000.0

    def test_none_are_known_yet(self) -> None:
        assert _releases.releases([]) == []

    def test_those_on_the_chart(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = [(self.AT - 1, "before"), (self.AT + 5, "51c0"), (self.AT + 11, "after")]
        monkeypatch.setattr(_releases, "known", lambda: list(starmap(Release, known)))
        assert _releases.releases([self.AT, self.AT + 10]) == [[self.AT + 5, "51c0"]]
        assert _releases.releases([]) == []

    def test_of_very_many_the_latest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        known = [Release(self.AT + n, f"v{n}") for n in range(500)]
        monkeypatch.setattr(_releases, "known", lambda: known)
        found = _releases.releases([self.AT, self.AT + 500])
        assert [name for _, name in found] == [f"v{n}" for n in range(460, 500)]

    def test_they_are_in_the_document(
        self, staff: Client, history: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(3):
            staff.get("/page/")
            history()
        address = "/unhurried/data/total.json"
        first = staff.get(address).json()
        assert first["releases"] == []
        known = Release(first["x"][0] + 1, "0" * 40)
        monkeypatch.setattr(_releases, "known", lambda: [known])
        assert staff.get(address).json()["releases"] == [[first["x"][0] + 1, "0000000"]]

    @pytest.mark.parametrize(
        ("name", "short"),
        [
            ("51c0", "51c0"),
            ("2026.11.29", "2026.11.29"),
            ("d9d57f1a0b3c", "d9d57f1"),
            ("release-of-november", "release-of-…"),
        ],
    )
    def test_short_names(self, name: str, short: str) -> None:
        assert _releases.short(name) == short
