"""The regions of a page: where comments may stand in HTML, and what was made from what."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from functools import partial
from html.parser import HTMLParser
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from tests.books.models import Author, Book
from tests.cache.regions_site import templates
from unhurried.cache._regions import (
    Recorder,
    Region,
    marked,
    record,
    regions_of,
    verdict_of,
)
from unhurried.cache._regions._markup import Solids
from unhurried.later._tally import _ledgers

MARK = re.compile(r"<!--/?u:\d+-->")
USER = {"user:username": "x.html:1"}

pytestmark = pytest.mark.urls("tests.cache.regions_site")


def moved(html: str, what: str) -> str:
    """What a region becomes that was ``what``, which stands in ``html`` once."""
    at = html.index(what)
    solids = Solids(html)
    return html[solids.before(at) : solids.after(at + len(what))]


@pytest.mark.parametrize(
    ("html", "what", "around"),
    [
        ("<p>Hello, jo!</p>", "jo", "jo"),
        ('<p class="jo">a</p>', "jo", '<p class="jo">'),
        ("<p class=jo>a</p>", "jo", "<p class=jo>"),
        ("<p title='a > jo'>a</p>", "jo", "<p title='a > jo'>"),
        ('<p title="a>b" jo>a</p>', " jo", '<p title="a>b" jo>'),
        ("<p title = '\">' jo>", "jo", "<p title = '\">' jo>"),
        ("<input value=a/jo>b", "jo", "<input value=a/jo>"),
        ("<p =jo>a", "jo", "<p =jo>"),
        ('<p "jo">a', "jo", '<p "jo">'),
        ("<script>var a = 'jo';</script>b", "jo", "<script>var a = 'jo';</script>"),
        ("<SCRIPT>jo</ScRiPt >b", "jo", "<SCRIPT>jo</ScRiPt >"),
        ("<script>a</scripty>jo</script>b", "jo", "<script>a</scripty>jo</script>"),
        (
            "<script><!--<script>a</script>jo--></script>b", "jo",
            "<script><!--<script>a</script>jo--></script>",
        ),
        ("<script><!-- a --></script>jo", "jo", "jo"),
        ("<script><!-- a </script>jo", "jo", "jo"),
        ("<style>a{b:jo}</style>", "jo", "<style>a{b:jo}</style>"),
        ("<title>jo</title>", "jo", "<title>jo</title>"),
        ("<textarea><b>jo</b></textarea>", "jo", "<textarea><b>jo</b></textarea>"),
        ("<select><option>jo</select>a", "jo", "<select><option>jo</select>"),
        ("<template><p>jo</p></template>", "jo", "<template><p>jo</p></template>"),
        ("<noscript>jo</noscript>", "jo", "<noscript>jo</noscript>"),
        ("<!-- jo -->a", "jo", "<!-- jo -->"),
        ("<!-->jo", "jo", "jo"),
        ("<!--->jo", "jo", "jo"),
        ("<!-- a --!>jo", "jo", "jo"),
        ("<!-- > jo -->", "jo", "<!-- > jo -->"),
        ("<!doctype jo>a", "jo", "<!doctype jo>"),
        ("<?php jo ?>a", "jo", "<?php jo ?>"),
        ("</ jo>a", "jo", "</ jo>"),
        ("<svg><![CDATA[ a > jo ]]></svg>", "jo", "<![CDATA[ a > jo ]]>"),
        ("a &jo; b", "jo", "&jo;"),
        ("a &amp jo", "jo", "jo"),
        ("1 < jo > 2", "jo", "jo"),
        ("<3 jo", "jo", "jo"),
        ("<table><tr><td>jo</table>", "<tr><td>jo", "<tr><td>jo"),
        ("<ul><li>jo<li>b", "<li>jo", "<li>jo"),
        ('<a href="x">jo</', "jo", "jo"),
        ('<p class="jo', "jo", '<p class="jo'),
        ("<script>jo", "jo", "<script>jo"),
        ("<!-- jo", "jo", "<!-- jo"),
        ("<plaintext>a<b>jo", "jo", "<plaintext>a<b>jo"),
    ],
)  # fmt: skip
def test_a_region_moves_out_of_what_may_hold_no_comment(html, what, around):
    assert moved(html, what) == around


@pytest.fixture
def counted_nowhere(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What is counted here is let go at the end, or a thread would write it in another test."""
    ledgers = _ledgers.Ledgers()
    monkeypatch.setattr(_ledgers, "_ledgers", ledgers)
    yield
    for each in ledgers.of.values():
        each.forget()
        each.worker.stop()


class Texts(HTMLParser):
    """All but comments, as another parser sees it."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.seen: list[Any] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.seen.append((tag, attrs))

    def handle_endtag(self, tag: str) -> None:
        self.seen.append(tag)

    def handle_data(self, data: str) -> None:
        last = self.seen.pop() if self.seen and type(self.seen[-1]) is list else []
        self.seen.append([*last, *data])


PIECES = ["<p>", "</p>", '<a href="a>b">', "</a>", "text", "&amp;", "<!-- c -->", "<td x='\"'>"]
PIECES += ["<script>a</script>", "<style>b</style>", " ", "1 > 0", "<br/>", "<img alt=a/b>"]


@pytest.mark.parametrize("seed", range(40))
def test_comments_change_nothing_that_is_seen(seed):
    dice = random.Random(seed)
    html = "".join(dice.choices(PIECES, k=30))
    cuts = sorted(dice.sample(range(len(html)), 6))
    solids = Solids(html)
    regions = [
        Region(solids.before(start), solids.after(end), dict(USER))
        for start, end in zip(cuts[::2], cuts[1::2], strict=True)
    ]
    apart = [r for n, r in enumerate(regions) if n == 0 or r.start >= regions[n - 1].end]
    page = marked(html, apart)
    assert MARK.sub("", page) == html
    assert Texts(page).seen == Texts(html).seen
    assert len(MARK.findall(page)) == 2 * len(apart)


@pytest.fixture
def client(db: None, settings: Any, store: Any) -> Client:
    """Logged in, at a site whose templates are the ones above."""
    cache.clear()
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.cache.regions_site.Innermost"]
    settings.TEMPLATES = templates(settings)
    for number in (1, 2):
        Book.objects.create(title=f"B{number}", author=Author.objects.create(name=f"A{number}"))
    client = Client()
    client.force_login(User.objects.create(username="jo"))
    return client


class Seen:
    def __init__(self, client: Client, address: str) -> None:
        with record() as recorder:
            self.response = client.get(address)
        self.recorder: Recorder = recorder
        self.page = self.response.content.decode()
        self.regions = regions_of(recorder.view, self.page)
        assert MARK.sub("", marked(self.page, self.regions)) == self.page
        self.verdict = verdict_of(recorder, self.response, self.regions)

    def of(self, colour: str) -> list[str]:
        found = [r for r in self.regions if r.colour == colour]
        return [self.page[r.start : r.end] for r in found]


class TestWhatIsWhose:
    def test_the_greeting_and_nothing_else(self, client):
        seen = Seen(client, "/show/list/")
        assert seen.of("amber") == ["Hello, jo"]
        [region] = [r for r in seen.regions if r.colour == "amber"]
        assert region.reads == {
            "user:is_authenticated": "base.html:3", "user:username": "base.html:3",
        }  # fmt: skip
        assert [*region.places] == ["base.html:3"]
        assert seen.regions[-1].tables == {"books_author", "books_book"}
        assert len(seen.of("green")) == 2

    def test_a_variable_in_a_tag_takes_the_tag(self, client):
        assert Seen(client, "/show/attribute/").of("amber") == ['<p class="jo">', "jo"]

    def test_what_a_tag_puts_into_a_variable_goes_where_the_variable_may(self, client):
        assert Seen(client, "/show/with/").of("amber") == ["<p>Hello</p>jo"]
        assert Seen(client, "/show/as/").of("amber") == ["", "jo", "1"]
        assert [text for text in Seen(client, "/show/scope/").of("amber") if text] == ["jo"]

    def test_what_is_worked_out_once_is_looked_at_by_all_who_show_it(self, client):
        client.cookies["size"] = "3"
        seen = Seen(client, "/cart/")
        assert seen.of("amber") == ["3", "cart", "33"]
        assert [*seen.regions[1].reads] == ["cookie:size"]

    def test_what_shows_nothing_today_is_told_and_colours_nothing_else(self, client):
        seen = Seen(client, "/show/empty/")
        assert seen.of("amber") == ["", "", '<p class="">']
        assert seen.of("green") == ["<p>a</p>", "<p>b</p>", "<p>c</p>", "d</p>"]
        assert [place["reads"] for place in seen.verdict.places] == [
            ["user:email", "user:is_staff"]
        ]

    def test_a_variable_that_one_branch_sets(self, client):
        assert Seen(client, "/show/branch/").of("amber") == ["", "b"]

    def test_what_is_changed_on_its_way_is_one_region(self, client):
        assert Seen(client, "/show/filter/").of("amber") == ["<b>A</b>JO".replace("b>", "B>")]

    def test_forms_and_messages_are_red(self, client):
        [token] = Seen(client, "/show/form/").of("red")
        assert token.startswith("<input type=")
        seen = Seen(client, "/show/said/")
        assert seen.of("red") == [""]  # there is none today
        assert seen.verdict.places[0]["reads"] == ["messages"]

    def test_but_the_page_is_kept_without_them(self, client):
        for where in ("/show/form/", "/show/said/"):
            verdict = Seen(client, where).verdict
            assert (verdict.said, verdict.remedy) == (
                "nothing on the page is personal",
                ["@cached_page(600)"],
            )

    def test_a_cookie_is_a_variant_and_the_path_is_in_the_key(self, client):
        client.cookies["theme"] = "dark"
        seen = Seen(client, "/show/cookie/")
        assert seen.of("amber") == ["dark"]
        assert [*seen.regions[1].reads] == ["cookie:theme"]

    def test_time_and_chance_are_red(self, client):
        assert len(Seen(client, "/show/time/").of("red")) == 2

    def test_a_title_is_whole(self, client):
        assert Seen(client, "/show/super/").of("amber")[0] == "<title>Books of jo</title>"


class TestTheViewItself:
    def test_what_it_looks_at_may_be_anywhere(self, client):
        seen = Seen(client, "/looks/")
        assert seen.of("amber") == ["<p>jo</p>"]
        [(name, line)] = seen.recorder.view.reads.items()
        assert name == "user:username"
        assert re.fullmatch(r"tests/cache/regions_site\.py:\d+", line)
        assert seen.verdict.said == f"the view itself looks at user:username: {line}"

    def test_and_so_may_what_it_has_rendered_before(self, client):
        seen = Seen(client, "/parts/")
        assert seen.of("amber") == ["<p>a</p><b>jo</b>"]
        assert seen.recorder.view.reads == {"user:username": "part.html:1"}

    def test_its_writes_can_be_kept_by_nobody(self, client):
        seen = Seen(client, "/writes/")
        assert seen.of("red") == ["<p>a</p>"]
        assert seen.verdict.said.startswith("the page can't be kept: a write to books_book at ")
        assert seen.verdict.remedy == []

    @pytest.mark.usefixtures("counted_nowhere")
    @pytest.mark.parametrize(
        ("how", "what"),
        [
            ("write", "a deferred write to books.Book"),
            ("nothing", "a deferred write to books.Book"),
            ("task", "a delayed task (tests.cache.regions_site.told)"),
            ("count", "a count in pages.Page.views"),
        ],
    )
    def test_what_it_puts_off_is_missed_by_a_hit(self, client, how, what):
        seen = Seen(client, f"/puts_off/{how}/")
        line = r"tests/cache/regions_site\.py:\d+"
        said = f"the page can't be kept: {re.escape(what)} at {line}"
        assert re.fullmatch(said, seen.verdict.said)
        assert seen.verdict.remedy == []
        assert seen.recorder.view.tables <= {"books_book"}
        kept = Seen(client, f"/kept_off/{how}/?unhurried=regions").verdict.kept
        assert kept == f"cached_page keeps it, and a hit does without {what}."

    def test_nor_does_a_hit_send_what_a_replay_has_held_back(self, client):
        seen = Seen(client, "/show/ours/")
        of = partial(verdict_of, seen.recorder, seen.response, seen.regions)
        found = of(["a connection: 192.0.2.1:25", "a mail: Hello"])
        assert found.said == "the page can't be kept: it sends a mail (Hello)"
        assert (found.remedy, found.colour) == ([], "red")
        found = of(["a connection: 192.0.2.1:80"])
        assert found.said.endswith("can be kept: a connection (192.0.2.1:80) was held back")
        assert found.remedy == []


class TestVerdict:
    def test_but_one_line(self, client):
        verdict = Seen(client, "/show/list/").verdict
        assert verdict.said.startswith('nothing on the page is personal but base.html:3 "{% if')
        assert verdict.remedy == [
            "@cached_page(600)",
            '{% fragment "hello" %}, or {% phased with user %} around it',
        ]
        assert verdict.renewed == ["books_author", "books_book"]

    def test_nothing_personal(self, client):
        verdict = Seen(client, "/show/ours/").verdict
        assert (verdict.said, verdict.remedy) == (
            "nothing on the page is personal", ["@cached_page(600)"],
        )  # fmt: skip

    def test_of_a_page_that_should_be_kept(self, client):
        verdict = Seen(client, "/kept/list/?unhurried=regions").verdict
        assert verdict.kept.startswith("cached_page does not keep it: base.html:3 looks at user")
        assert "@cached_page(600)" not in verdict.remedy
        assert Seen(client, "/kept/ours/?unhurried=regions").verdict.kept == "cached_page keeps it."
        assert Seen(client, "/mine/list/?unhurried=regions").verdict.kept == "cached_page keeps it."

    def test_of_what_we_say_ourselves_nothing_is_held_against_it(self, client):
        verdict = Seen(client, "/kept/ours/").verdict
        assert (verdict.said, verdict.remedy) == ("nothing on the page is personal", [])

    def test_of_a_page_that_is_not_found_from_its_view(self, client):
        verdict = Seen(client, "/led/ours/").verdict
        assert verdict.kept.startswith("It has a cached_page, which can't be found")
        assert (verdict.said, verdict.remedy) == (verdict.kept, [])


class TestNothingOfItStays:
    @pytest.mark.parametrize("name", ["inner", "ours", "list"])
    def test_in_what_others_get(self, client, name):
        plain = client.get(f"/show/{name}/").content
        cache.clear()
        Seen(client, f"/show/{name}/")
        assert client.get(f"/show/{name}/").content == plain
        assert b"<!--" not in plain

    def test_a_part_that_django_had_is_not_vouched_for(self, client):
        client.get("/show/inner/")
        seen = Seen(client, "/show/inner/")
        assert seen.of("red") == ["<b>jo</b>"]
        assert [*seen.regions[0].reads] == ["unseen:{% cache %}"]

    def test_the_request_is_let_go(self, client):
        seen = Seen(client, "/show/list/")
        assert type(seen.recorder.request).__name__ == "WSGIRequest"
        assert "Observed" not in type(seen.recorder.request).__mro__[0].__qualname__
