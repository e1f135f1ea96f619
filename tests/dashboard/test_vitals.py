"""What browsers tell: the tag, and an endpoint to which anybody may say anything."""

from __future__ import annotations

import gzip
import json
import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest
from django.template import Context, Template, TemplateSyntaxError, engines
from django.test import AsyncClient, Client, RequestFactory, override_settings
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unhurried import testing
from unhurried.dashboard import _assets, _vitals_limit, _vitals_route, _vitals_views
from unhurried.dashboard._vitals_limit import CLIENTS, IN_ALL, OF_ONE, Limit, client_of
from unhurried.measure import _folder, _store, snapshot
from unhurried.measure import _layout as L
from unhurried.measure._vitals import edges, keep
from unhurried.measure.reading import VITALS, window

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.vitals_site")]
ADDRESS = "/unhurried/vitals"
SAME = {"Sec-Fetch-Site": "same-origin"}
TOLD = {
    "ttfb": 80.5,
    "response": 100,
    "dom": 400,
    "load": 900.25,
    "lcp": 1200,
    "inp": 48,
    "cls": 0.12,
    "server": 61.5,
}


@pytest.fixture(autouse=True)
def nobody_has_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_vitals_limit, "limit", Limit())


@pytest.fixture
def measured(store: Any) -> None:
    """A page of the site was measured, so that its route is known."""
    Client().get("/books/")


class Scripts(HTMLParser):
    """The attributes of each script."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.append(dict(attrs))


def script(path: str, client: Client | None = None) -> dict[str, str | None]:
    response = (client or Client()).get(path)
    [found] = Scripts(response.content.decode()).found
    return found


def signed(route: str) -> str:
    request = RequestFactory().get("/")
    request.resolver_match = type("Match", (), {"route": route})()  # type: ignore[assignment]
    return _vitals_route.signed(request)


def beacon(route: str = "books/", **changes: Any) -> dict[str, Any]:
    return {"v": 1, "r": signed(route), **TOLD, **changes}


def tell(body: Any, client: Any = None, **headers: str) -> Any:
    data = body if isinstance(body, bytes | str) else json.dumps(body)
    headers = {name.replace("_", "-"): value for name, value in headers.items()} or SAME
    response = (client or Client()).post(
        ADDRESS, data, content_type="text/plain;charset=UTF-8", headers=headers
    )
    assert (response.status_code, response.content) == (204, b"")
    assert response["Cache-Control"] == "no-store"
    assert not response.cookies
    return response


def kept() -> dict[tuple[str, str], tuple[int, int]]:
    """(route, metric) -> (count, sum)."""
    return {(row.route, row.metric): (row.count, row.sum) for row in window().vitals}


class TestTag:
    def test_one_script_and_nothing_inline(self, store):
        found = script("/books/")
        assert found == {
            "src": _assets.url("vitals.js"),
            "defer": None,
            "data-to": ADDRESS,
            "data-route": signed("books/"),
        }
        assert "></script>" in Client().get("/books/").content.decode()

    def test_what_it_tells_of_its_route(self, store):
        odd = r'^odd"<\d+>&/(?P<x>[^/]*)$'
        for path, route in (("/", ""), ('/odd"<7>&/a', odd), ("/part/one/", "part/one/")):
            assert _vitals_route.read(script(path)["data-route"] or "") == route

    def test_of_a_page_that_is_nowhere(self, store):
        request = RequestFactory().get("/nowhere/")
        html = Template("{% load unhurried %}{% vitals %}").render(Context({"request": request}))
        [found] = Scripts(html).found
        assert _vitals_route.read(found["data-route"] or "") == "(none)"

    def test_a_sample(self, store):
        assert script("/tenth/")["data-sample"] == "0.1"

    @pytest.mark.parametrize(
        ("share", "shown"), [("1", ""), ("0.00001", ' data-sample="1e-05"'), ("0", None)]
    )
    def test_shares(self, store, share, shown):
        request = RequestFactory().get("/")
        html = render(f"vitals sample={share}", request)
        assert html == "" if shown is None else html.endswith(f'"{shown}></script>')

    @pytest.mark.parametrize("share", ["1.1", "-0.1", '"0.5"', "nothing", "true", "yes"])
    def test_a_share_that_is_none(self, store, share):
        with pytest.raises(TemplateSyntaxError, match="is no number from 0 to 1"):
            render(f"vitals sample={share}", RequestFactory().get("/"), yes=True, true=True)

    @pytest.mark.parametrize("wrong", ["rate=0.1", "0.1", "sample=0.1 rate=1", "sample"])
    def test_what_it_does_not_know(self, wrong):
        with pytest.raises(TemplateSyntaxError, match=r"\{% vitals sample=0\.1 %\}"):
            render(f"vitals {wrong}", RequestFactory().get("/"))

    @pytest.mark.parametrize("key", ["VITALS", "MEASURE"])
    def test_switched_off(self, store, key):
        with testing.override(**{key: False}):
            assert render("vitals", RequestFactory().get("/")) == ""

    def test_jinja(self, store):
        from jinja2 import Environment

        environment = Environment(
            autoescape=True, extensions=["unhurried.templatetags.jinja.Unhurried"]
        )
        request = RequestFactory().get("/")
        for source, tag in (
            ("{{ vitals() }}", "vitals"),
            ("{{ vitals(sample=0.5) }}", "vitals sample=0.5"),
        ):
            made = environment.from_string(source).render(request=request)
            assert made == render(tag, request)

    def test_without_a_request(self, store):
        with pytest.raises(ImproperlyConfigured, match="has no request here"):
            render("vitals", None)
        with testing.override(STRICT=False):
            assert render("vitals", None) == ""

    @pytest.mark.urls("tests.dashboard.bare")
    def test_without_urls(self, store):
        request = RequestFactory().get("/")
        line = re.escape('path("unhurried/", include("unhurried.urls"))')
        with pytest.raises(ImproperlyConfigured, match=line):
            render("vitals", request)
        with testing.override(STRICT=False):
            assert render("vitals", request) == ""
            with override_settings(DEBUG=True), pytest.raises(ImproperlyConfigured, match=line):
                render("vitals", request)

    def test_the_script_is_small(self, store):
        served = Client().get(_assets.url("vitals.js"), headers={"Accept-Encoding": "gzip"})
        assert served["Cache-Control"] == _assets.FOREVER
        assert served["Vary"] == "Accept-Encoding"
        assert len(served.content) < 2048
        plain = Client().get(_assets.url("vitals.js"))
        assert "Content-Encoding" not in plain
        assert gzip.decompress(served.content) == plain.content
        assert not re.search(r"cookie|[lL]ocalStorage|sessionStorage|indexedDB", plain.text)


def render(tag: str, request: Any, **context: Any) -> str:
    source = f"{{% load unhurried %}}{{% {tag} %}}"
    return str(engines["django"].from_string(source).render(context, request))


class TestPagesWithIt:
    def test_they_are_kept_for_all(self, store, visitor, staff):
        assert "fwd=" in Client().get("/kept/")["Cache-Status"]
        pages = [client.get("/kept/") for client in (Client(), visitor)]
        assert all("unhurried; hit" in page["Cache-Status"] for page in pages)
        assert len({page.content for page in pages}) == 1
        assert script("/kept/")["data-route"] == signed("kept/")

    def test_a_part_that_is_kept_does_not_take_it_elsewhere(self, store):
        for page in ("part/one/", "part/two/", "part/one/"):
            assert script(f"/{page}")["data-route"] == signed(page)


class TestTelling:
    def test_it_is_counted(self, measured):
        tell(beacon())
        tell(beacon(cls=0, load=901, unknown={"x": [True]}))
        assert kept() == {
            ("books/", "ttfb"): (2, 161_000),
            ("books/", "response"): (2, 200_000),
            ("books/", "dom"): (2, 800_000),
            ("books/", "load"): (2, 1_801_250),
            ("books/", "lcp"): (2, 2_400_000),
            ("books/", "inp"): (2, 96_000),
            ("books/", "server"): (2, 123_000),
            ("books/", "cls"): (2, 120_000),
            ("books/", "front"): (2, 2_200_000),
        }

    @pytest.mark.parametrize(
        ("told", "front"),
        [
            ({"response": 100, "load": 900}, 800_000),
            ({"response": 100, "load": 900, "lcp": 300}, 800_000),
            ({"response": 100, "load": 900, "lcp": 1000}, 900_000),
            ({"response": 900, "load": 100}, 0),
            ({"response": 100, "lcp": 1000}, None),
            ({"load": 1000}, None),
        ],
    )
    def test_what_the_browser_took_by_itself(self, measured, told, front):
        tell({"v": 1, "r": signed("books/"), **told})
        assert kept().get(("books/", "front")) == (None if front is None else (1, front))

    @pytest.mark.parametrize(
        ("metric", "value", "bucket"),
        [
            *(("ttfb", 0, 0), ("ttfb", 1, 0), ("ttfb", 1.001, 1), ("ttfb", 2500, 10)),
            *(("lcp", 60_000, 14), ("lcp", 60_000.001, 15), ("lcp", 120_000, 15)),
            *(("cls", 0, 0), ("cls", 0.1, 5), ("cls", 0.25, 8), ("cls", 0.250001, 9)),
            ("cls", 10, 15),
        ],
    )
    def test_buckets(self, measured, metric, value, bucket):
        tell({"v": 1, "r": signed("books/"), metric: value})
        [row] = window().vitals
        assert row.buckets == [int(n == bucket) for n in range(16)]
        assert len(edges(metric)) == 15
        assert list(edges(metric)) == sorted(set(edges(metric)))

    def test_without_a_metric_nothing_is_counted(self, measured):
        tell({"v": 1, "r": signed("books/")})
        assert kept() == {}

    def test_it_is_none_of_the_sites_pages(self, measured):
        tell(beacon())
        assert snapshot()["routes"]["unhurried/vitals"]["requests"] == 1

    def test_on_asgi(self, measured):
        response = async_to_sync(AsyncClient().post)(
            ADDRESS, json.dumps(beacon()), content_type="text/plain", headers=SAME
        )
        assert response.status_code == 204
        assert kept()["books/", "ttfb"] == (1, 80_500)

    def test_the_key_before_this_one_still_counts(self, measured):
        with override_settings(SECRET_KEY="old"):
            body = beacon()
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=["old"]):
            tell(body)
        assert kept()["books/", "ttfb"][0] == 1

    def test_a_route_beyond_the_list_is_among_the_others(self, store):
        Client().get("/books/")
        for n in range(L.ROWS + 5):
            _store.current().route(("request", f"page/{n}/"))  # type: ignore[union-attr]
        tell(beacon("page/203/"))
        assert {route for route, _ in kept()} == {"(other)"}

    def test_a_long_name_is_cut_as_it_is_in_the_list(self, store):
        long = "é" * 300
        _store.current().route(("request", long))  # type: ignore[union-attr]
        tell(json.dumps(beacon(long), ensure_ascii=False).encode())  # as a browser does
        assert {route for route, _ in kept()} == {long[:200]}

    def test_what_another_process_has_named(self, measured):
        folder = _store.current().folder  # type: ignore[union-attr]
        other = _store.Names(folder)
        other.row("request", "elsewhere/")
        tell(beacon("elsewhere/"))
        assert kept()["elsewhere/", "ttfb"][0] == 1

    def test_more_routes_than_rows(self, store):
        for n in range(60):
            _store.current().route(("request", f"page/{n}/"))  # type: ignore[union-attr]
            keep(f"page/{n}/", TOLD)
        assert len(kept()) == L.VITALS - 1
        assert all(each == kept()["page/0/", metric] for (_, metric), each in kept().items())


FORGED: dict[str, Any] = {
    "another route": lambda: beacon(r=signed("books/").replace("books/", "admin/")),
    "another signature": lambda: beacon(r=signed("books/")[:-1] + "A"),
    "no signature": lambda: beacon(r="books/"),
    "of another salt": lambda: beacon(r=_with_salt("unhurried.fragment")),
    "a route that is none": lambda: beacon("never/seen/"),
    "no route": lambda: {key: value for key, value in beacon().items() if key != "r"},
    "a route of no text": lambda: beacon(r=["books/"]),
    "half a surrogate": lambda: beacon(r="\ud800:x"),
    "another version": lambda: beacon(v=2),
    "no version": lambda: {key: value for key, value in beacon().items() if key != "v"},
    "true as version": lambda: beacon(v=True),
    "negative": lambda: beacon(lcp=-1),
    "too much": lambda: beacon(load=120_000.1),
    "much too much": lambda: json.dumps(beacon()).replace("900.25", "9" * 400),
    "too much of CLS": lambda: beacon(cls=10.01),
    "NaN": lambda: beacon(inp=float("nan")),
    "infinity": lambda: beacon(inp=float("inf")),
    "1e999": lambda: json.dumps(beacon()).replace("900.25", "1e999"),
    "true": lambda: beacon(dom=True),
    "text": lambda: beacon(dom="1"),
    "null": lambda: beacon(dom=None),
    "a list": lambda: [beacon()],
    "deep": lambda: "[" * 1024,
    "nothing": lambda: "",
    "no JSON": lambda: "{'v': 1}",
    "two of them": lambda: json.dumps({"v": 1}) * 2,
    "no UTF-8": lambda: json.dumps(beacon()).encode("utf-16"),
    "a BOM": lambda: b"\xef\xbb\xbf" + json.dumps(beacon()).encode(),
    "a form": lambda: "v=1&r=books/",
}


def _with_salt(salt: str) -> str:
    from django.core.signing import Signer

    return Signer(salt=salt).sign("books/")


class TestHostile:
    @pytest.mark.parametrize("made", FORGED.values(), ids=FORGED)
    def test_forged(self, measured, made):
        tell(made())
        assert kept() == {}
        assert {group for group, rows in _store.current().names.rows.items() if rows} == {"route"}  # type: ignore[union-attr]

    @pytest.mark.long
    @settings(
        max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.binary(max_size=1024) | st.text(max_size=300).map(lambda text: text.encode()))
    def test_any_bytes(self, body):
        assert _vitals_views.parsed(body) is None

    values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
        max_leaves=5,
    )

    @pytest.mark.long
    @settings(max_examples=300, deadline=None)
    @given(st.dictionaries(st.sampled_from(["v", *VITALS, "x", ""]), values))
    def test_any_json(self, said):
        """Either it is refused, or each number is one, and in its range."""
        found = _vitals_views.parsed(json.dumps({**said, "r": signed("books/")}).encode())
        known = {name: value for name, value in said.items() if name in VITALS}
        right = all(
            type(value) in (int, float) and 0 <= value <= (10 if name == "cls" else 120_000)
            for name, value in known.items()
        )
        version = type(said.get("v")) is int and said["v"] == 1
        assert found == (("books/", known) if right and version else None)

    @pytest.mark.parametrize(
        "length", ["1025", "99999999999999999999", "-1", "x", "0x10", "1e3", "²", " 10", "+5"]
    )
    def test_huge_by_its_own_account_is_not_read(self, measured, length):
        read: list[int] = []
        request = bare(CONTENT_LENGTH=length)
        request._stream = type("Stream", (), {"read": lambda self, n: read.append(n) or b""})()
        assert _vitals_views.vitals(request).status_code == 204
        assert read == []

    def test_huge_without_a_word_is_read_to_its_limit(self, measured):
        """As ASGI hands it on, sent in chunks: no length, and a stream."""
        read: list[int] = []
        body = json.dumps(beacon(x="x" * 5000)).encode()
        request = bare()
        del request.META["CONTENT_LENGTH"]
        request._stream = type("Stream", (), {"read": lambda self, n: read.append(n) or body[:n]})()
        assert _vitals_views.vitals(request).status_code == 204
        assert read == [1025]
        assert kept() == {}

    @pytest.mark.parametrize(("size", "count"), [(1024, 1), (1025, 0)])
    def test_the_limit(self, measured, size, count):
        body = beacon(x="")
        body["x"] = "x" * (size - len(json.dumps(body)))
        tell(body)
        assert len(kept()) == 9 * count

    def test_a_client_that_has_gone(self, measured):
        def gone(self: Any, n: int) -> bytes:
            raise OSError("connection reset")

        request = bare()
        request._stream = type("Stream", (), {"read": gone})()
        assert _vitals_views.vitals(request).status_code == 204

    @pytest.mark.parametrize(
        ("headers", "count"),
        [
            ({"Sec_Fetch_Site": "same-origin"}, 1),
            ({"Sec_Fetch_Site": "cross-site"}, 0),
            ({"Sec_Fetch_Site": "same-site"}, 0),
            ({"Sec_Fetch_Site": "none"}, 0),
            ({"Sec_Fetch_Site": ""}, 0),
            ({"Sec_Fetch_Site": "cross-site", "Origin": "http://testserver"}, 0),
            ({"Origin": "http://testserver"}, 1),
            ({"Origin": "http://TestServer"}, 1),
            ({"Origin": "http://testserver:8000"}, 0),
            ({"Origin": "http://testserver.evil.example"}, 0),
            ({"Origin": "http://evil.example"}, 0),
            ({"Origin": "testserver"}, 0),
            ({"Origin": "null"}, 0),
            ({"Origin": "http://"}, 0),
            ({"Origin": "http://["}, 0),
            ({"X_Nothing": "said"}, 0),
        ],
        ids=str,
    )
    def test_cross_site(self, measured, headers, count):
        tell(beacon(), **headers)
        assert len(kept()) == 9 * count

    def test_where_all_must_log_in(self, measured, settings):
        """Pages for all are told all the same, and nobody is asked who they are."""
        required = "django.contrib.auth.middleware.LoginRequiredMiddleware"
        settings.MIDDLEWARE = [*settings.MIDDLEWARE, required]
        tell(beacon())
        assert kept()["books/", "ttfb"][0] == 1
        assert Client().get(_assets.url("vitals.js")).status_code == 200

    def test_a_host_that_is_not_allowed(self, measured):
        request = bare(HTTP_ORIGIN="http://evil.example", HTTP_HOST="evil.example")
        del request.META["HTTP_SEC_FETCH_SITE"]
        with override_settings(ALLOWED_HOSTS=["good.example"]):
            assert _vitals_views.vitals(request).status_code == 204

    @pytest.mark.parametrize("method", ["get", "put", "delete", "patch", "options", "head"])
    def test_other_methods(self, measured, method):
        response = getattr(Client(), method)(ADDRESS, headers=SAME)
        assert (response.status_code, response.content) == (204, b"")
        assert kept() == {}

    def test_flooding_by_one(self, measured, monkeypatch):
        monkeypatch.setattr(_vitals_limit, "limit", OneMoment())
        for _ in range(50):
            tell(beacon())
        assert kept()["books/", "ttfb"][0] == OF_ONE

    def test_flooding_by_all(self, measured, monkeypatch):
        monkeypatch.setattr(_vitals_limit, "limit", OneMoment())
        for n in range(100):
            tell(beacon(), Client(REMOTE_ADDR=f"203.0.113.{n}"))
        assert kept()["books/", "ttfb"][0] == IN_ALL

    def test_what_is_over_is_not_read(self, measured, monkeypatch):
        monkeypatch.setattr(_vitals_limit.limit._all, "rate", 0)
        request = bare()
        request._stream = None  # type: ignore[assignment]
        assert _vitals_views.vitals(request).status_code == 204

    def test_switched_off(self, measured):
        with testing.override(VITALS=False, STORE=_folder.folder()):
            tell(beacon())
            assert kept() == {}

    def test_nothing_measured(self, store):
        with testing.override(MEASURE=False):
            tell(beacon())

    def test_before_anything_was_measured(self, store):
        _vitals_views.keep_vitals("books/", TOLD)
        assert kept() == {}

    def test_neither_session_nor_user_nor_database(self, measured, staff, monkeypatch):
        """Though who tells is staff, CSRF is enforced, and each request is a transaction."""
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = staff.cookies
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)
        queries: list[str] = []

        def see(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            queries.append(sql)
            return execute(sql, params, many, context)

        with connection.execute_wrapper(see), override_settings(DEBUG=True):
            tell(beacon(), strict)
        assert queries == []
        assert kept()["books/", "ttfb"][0] == 1


class OneMoment(Limit):
    """All that comes comes at once, however slow the tests are."""

    def admits(self, client: str, now: float) -> bool:
        return super().admits(client, 0.0)


def bare(**meta: str) -> HttpRequest:
    """A beacon, as it comes to the view."""
    body = json.dumps(beacon())
    request: HttpRequest = RequestFactory().post(
        ADDRESS, body, content_type="text/plain", headers=SAME
    )
    request.META.update(meta)
    return request


class TestLimit:
    def test_of_one(self):
        limit = Limit()
        assert [limit.admits("a", 0) for _ in range(7)] == [True] * 5 + [False] * 2
        assert [limit.admits("a", 0.2), limit.admits("a", 0.2)] == [True, False]
        assert [limit.admits("a", 99) for _ in range(6)] == [True] * 5 + [False]

    def test_who_is_over_takes_nothing_from_others(self):
        limit = Limit()
        for _ in range(1000):
            limit.admits("a", 0)
        assert [limit.admits(f"b{n}", 0) for n in range(46)] == [True] * 45 + [False]

    def test_of_all(self):
        limit = Limit()
        assert sum(limit.admits(str(n), 0) for n in range(500)) == IN_ALL
        assert sum(limit.admits(str(n), 1) for n in range(500)) == IN_ALL
        assert limit.admits("a", 0.5) is False  # a clock that goes back

    def test_a_clock_that_goes_back(self):
        limit = Limit(100)
        assert sum(limit.admits("a", 100 - n) for n in range(50)) == OF_ONE

    def test_threads_share_it(self):
        limit = Limit()
        with ThreadPoolExecutor(8) as pool:
            work = [pool.submit(self.of_many, limit, n) for n in range(8)]
        assert sum(each.result() for each in work) == IN_ALL

    @staticmethod
    def of_many(limit: Limit, thread: int) -> int:
        return sum(limit.admits(f"{thread}.{n}", 0) for n in range(300))

    def test_after_a_fork_it_is_a_new_one(self, monkeypatch):
        monkeypatch.setattr(_vitals_limit, "limit", taken := Limit())
        taken._lock.acquire()
        _vitals_limit._forked()
        assert _vitals_limit.limit.admits("a", 0)

    def test_memory_is_bounded(self):
        limit = Limit()
        for n in range(5 * CLIENTS):
            limit.admits(str(n), n / 10)
        assert len(limit._clients) == CLIENTS

    @pytest.mark.parametrize(
        ("peer", "forwarded", "client"),
        [
            ("93.184.216.34", "", "93.184.216.34"),
            ("93.184.216.34", "1.1.1.1", "93.184.216.34"),
            ("127.0.0.1", "1.1.1.1", "1.1.1.1"),
            ("", "1.1.1.1", "1.1.1.1"),
            ("10.0.0.1", "8.8.8.8, 1.1.1.1", "1.1.1.1"),
            ("10.0.0.1", "8.8.8.8, 1.1.1.1, 10.0.0.9", "1.1.1.1"),
            ("10.0.0.1", "10.0.0.7", "10.0.0.7"),
            ("10.0.0.1", "forged, 10.0.0.7", "10.0.0.7"),
            ("10.0.0.1", "unknown", "10.0.0.1"),
            ("10.0.0.1", ",".join(f"10.0.0.{n}" for n in range(200)), "10.0.0.196"),
            ("::ffff:93.184.216.34", "", "93.184.216.34"),
            ("2606:4700:1:2:3:4:5:6", "", "2606470000010002::/64"),
            ("2606:4700:1:2:ffff::9", "", "2606470000010002::/64"),
            ("", "", ""),
        ],
    )
    def test_clients(self, peer, forwarded, client):
        meta = {"REMOTE_ADDR": peer, **({"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {})}
        assert client_of(meta) == client


def test_no_person_is_in_the_store(measured, visitor, tmp_path):
    """Who told is nowhere in it."""
    tell(beacon(x="somebody@example.com"), visitor)
    User.objects.filter(username="visitor").delete()
    files = b"".join(path.read_bytes() for path in _folder.folder().rglob("*") if path.is_file())
    assert b"somebody@example" not in files
    assert b"127.0.0.1" not in files
    assert b'["books/","ttfb"]' in files
