"""``?unhurried=regions``: on whole pages, for staff, kept by nobody, and nothing for others."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.urls import include, path

from tests.books.models import Author, Book
from tests.cache.regions_site import templates
from tests.dashboard.test_badge import NOT_FOR_BADGES, OUTER_CACHE, body
from unhurried import testing
from unhurried.cache import front_door
from unhurried.dashboard import _regions

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.cache.regions_site")]
DATA = re.compile(rb'<script id="unhurried-regions-data" type="application/json">(.*?)</script>')
MARK = re.compile(rb"<!--/?u:\d+-->")
END = re.compile(rb'<script id="unhurried-regions-data".*\Z', re.DOTALL)
ASK = "?unhurried=regions"


def nothing(request: HttpRequest, code: int) -> HttpResponse:
    return HttpResponse(status=code, headers={"Location": "/"} if code == 302 else {})


urlpatterns = [
    path("nothing/<int:code>/", nothing),
    path("unhurried/", include("unhurried.urls")),
]


@pytest.fixture(autouse=True)
def books(settings, db):
    settings.TEMPLATES = templates(settings)
    for number in (1, 2):
        Book.objects.create(title=f"B{number}", author=Author.objects.create(name=f"A{number}"))


def told(response: Any) -> dict[str, Any]:
    found = DATA.search(response.content)
    assert found is not None, response.content
    return json.loads(found[1])


def plain(response: Any) -> bytes:
    return MARK.sub(b"", END.sub(b"", response.content))


def colours(response: Any) -> list[str]:
    return [region["colour"] for region in told(response)["regions"]]


def test_staff_see_them(staff):
    response = staff.get("/show/list/" + ASK)
    assert colours(response) == ["green", "amber", "green"]
    [amber] = [each for each in told(response)["regions"] if each["colour"] == "amber"]
    assert ["user:username", "base.html:3"] in amber["reads"]
    assert b"<!--u:1-->Hello, staff<!--/u:1-->" in response.content
    assert response["Cache-Control"] == "private, no-store"
    assert b'id="unhurried-badge"' not in response.content


def test_the_page_is_the_same_but_for_them(staff):
    with testing.override(BADGE=False):
        assert plain(staff.get("/show/list/" + ASK)) == staff.get("/show/list/").content


def test_no_inline_script_or_style(staff):
    html = MARK.sub(b"", staff.get("/show/list/" + ASK).content)
    assert b"style=" not in html
    assert re.findall(rb"<script (?!id=)[^>]*>", html) == [
        re.search(rb'<script src="/unhurried/assets/regions.js[^>]+ defer>', html)[0]
    ]
    script = re.search(rb'src="([^"]+)"', html)[1].decode()
    assert "max-age" in staff.get(script)["Cache-Control"]


def test_the_pages_nonce_is_the_scripts(staff, settings):
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.dashboard.test_regions.with_nonce"]
    assert b'nonce="abc=" defer' in staff.get("/show/list/" + ASK).content


def with_nonce(get_response: Any) -> Any:
    def middleware(request: Any) -> Any:
        response = get_response(request)
        response["Content-Security-Policy"] = "default-src 'none'; script-src 'nonce-abc='"
        return response

    return middleware


@pytest.mark.parametrize(
    ("policy", "nonce"),
    [
        ("default-src 'nonce-a'", "a"),
        ("default-src 'self'; style-src 'nonce-s'", None),
        ("Script-Src 'nonce-b'; default-src 'nonce-a'", "b"),
        ("style-src 'nonce-s'; script-src 'nonce-b'; script-src-elem 'self' 'nonce-c'", "c"),
        ("script-src 'self'; default-src 'nonce-a'", None),
        ("script-src-attr 'nonce-d'; default-src 'nonce-a'", "a"),
        ("", None),
    ],
)
def test_of_several_policies_the_one_for_scripts_counts(policy, nonce):
    assert _regions._nonce(policy) == nonce


@pytest.mark.urls("tests.dashboard.site")
@pytest.mark.parametrize(
    "address", ["/named/C%23/", "/named/a%3Fb/", "/named/a%25b/", "/named/%C3%A9/", "/named/a+b/"]
)
def test_the_way_back_is_the_pages_address(staff, address):
    assert told(staff.get(address + ASK))["back"] == address


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/"])
def test_the_way_back_leads_to_no_other_host(path):
    request = RequestFactory().get("/")
    request.path = path
    back = _regions._without(request)
    assert back in ("/%2Fevil.example/", "/%5Cevil.example/")


def test_what_the_page_says_does_not_end_the_data(staff):
    User.objects.update(username="</script><script>alert(1)</script>")
    Book.objects.update(title="<!--u:0--><!--/u:1-->")
    response = staff.get("/show/list/" + ASK)
    assert b"<script>alert" not in response.content
    assert response.content.count(b"<!--u:0-->") == 1


def test_comments_of_the_pages_own_are_not_taken_for_ours(staff):
    response = staff.get("/show/marks/" + ASK)
    assert told(response)["mark"] == "uuu"
    assert b"<!--u:0--><p>a</p><!--/uu:0-->" in response.content
    assert response.content.startswith(b"<!--uuu:0-->")


@pytest.mark.parametrize("path", ["/show/list/", "/kept/list/", "/declares/"])
def test_the_way_back_has_the_other_parameters(staff, path):
    assert told(staff.get(path + ASK))["back"] == path
    assert told(staff.get(f"{path}?a=1&unhurried=regions&b=2"))["back"] == f"{path}?a=1&b=2"


class TestWhoMay:
    def test_others_get_the_page(self, visitor, client):
        for each in (visitor, client):
            response = each.get("/show/list/" + ASK)
            assert response.content == each.get("/show/list/").content
            assert "no-store" not in response.get("Cache-Control", "")

    def test_permission(self, staff, visitor):
        with testing.override(PERMISSION="tests.dashboard.site.let_in"):
            assert b"unhurried-regions" not in staff.get("/show/list/" + ASK).content
        with testing.override(PERMISSION="tests.dashboard.site.boom", STRICT=False):
            assert staff.get("/show/list/" + ASK).status_code == 200

    @pytest.mark.parametrize("query", ["?unhurried=region", "?xunhurried=regions", "?unhurried"])
    def test_only_who_asks(self, staff, query):
        assert b"unhurried-regions" not in staff.get("/show/list/" + query).content

    def test_only_a_get(self, staff):
        assert b"unhurried-regions" not in staff.post("/show/list/" + ASK).content
        assert staff.head("/show/list/" + ASK).get("Cache-Control") is None


@pytest.mark.urls("tests.dashboard.site")
class TestOtherAnswers:
    @pytest.mark.parametrize("name", [name for name in NOT_FOR_BADGES if name != "fragment"])
    def test_stay_as_they_are(self, staff, name):
        assert b"unhurried-regions" not in body(staff.get(f"/{name}/" + ASK))

    def test_a_compressed_page_is_unpacked(self, staff):
        assert colours(staff.get("/zipped/" + ASK)) == ["green"]

    def test_another_charset(self, staff):
        assert "Grüße" in staff.get("/latin/" + ASK).content.decode("latin-1")

    def test_what_describes_the_page_goes(self, staff):
        response = staff.get("/tagged/" + ASK, headers={"If-None-Match": '"one"'})
        assert response.status_code == 200
        assert not response.has_header("ETag")
        assert response["Content-Length"] == str(len(response.content))

    def test_an_async_view_that_looks(self, staff):
        response = staff.get("/apersonal/" + ASK)
        assert colours(response) == ["amber"]
        assert [name for name, _ in told(response)["view"]["reads"]] == ["user"]

    def test_errors_are_pages_too(self, staff):
        assert colours(staff.get("/gone/" + ASK)) == ["green"]
        assert staff.get("/nowhere/" + ASK).status_code == 404

    def test_a_page_that_a_cache_had(self, staff):
        """It is the view's, as far as anybody can tell: it was not run."""
        staff.get("/cached/" + ASK)
        assert staff.get("/cached/" + ASK).status_code == 200

    @pytest.mark.urls("tests.dashboard.bare")
    def test_without_a_dashboard_nobody_sends_the_script(self, staff):
        assert b"unhurried-regions" not in staff.get("/page/" + ASK).content


class TestKeptByNobody:
    @override_settings(MIDDLEWARE=OUTER_CACHE)
    def test_by_a_cache_outside(self, staff, client):
        assert b"unhurried-regions" in staff.get("/show/ours/" + ASK).content
        assert b"unhurried" not in client.get("/show/ours/" + ASK).content

    def test_a_kept_page_is_made_anew(self, staff):
        for _ in range(2):
            staff.get("/declares/")
        for _ in range(2):
            response = staff.get("/declares/" + ASK)
            assert colours(response) == ["green", "amber", "green"]
            assert told(response)["verdict"]["kept"] == "cached_page keeps it."
        assert b"<!--u" not in staff.get("/declares/?unhurried=no").content
        assert b"<!--u" not in staff.get("/declares/").content

    def test_by_a_page_that_knows_the_parameter(self, staff, client):
        response = client.get("/declares/" + ASK)
        assert "bypass" in response["Cache-Status"]
        assert b"Log in" in response.content
        staff.get("/declares/" + ASK)
        assert client.get("/declares/" + ASK).content == response.content

    def test_by_the_front_door(self, staff):
        """It stands before Django, and knows nobody: it lets such a request through."""
        page = "/shared/"
        door = front_door(get_wsgi_application())
        for _ in range(2):
            assert "<!--u" not in ask(door, page, staff)
        assert "<!--u:0-->" in ask(door, page + ASK, staff)
        assert "<!--u" not in ask(door, page, staff)

    def test_parts_are_kept_as_they_are(self, staff, visitor):
        cache.clear()
        staff.get("/show/inner/" + ASK)
        assert staff.get("/show/inner/").content.startswith(b"<b>staff</b>")
        staff.get("/show/ours/" + ASK)
        assert visitor.get("/show/ours/").content == b"<b>B1</b><p>b</p>"


def test_the_gate_is_not_the_page(staff):
    found = told(staff.get("/let_in/" + ASK))
    assert [each["colour"] for each in found["regions"]] == ["green", "amber", "green"]
    [gate] = found["verdict"]["gates"]
    assert re.fullmatch(
        r"django/contrib/auth/decorators.py:\d+ looks at user:is_authenticated", gate
    )


def test_a_response_that_is_rendered_later(staff):
    assert colours(staff.get("/later/" + ASK)) == ["green", "amber", "green"]


def test_nothing_is_measured_as_the_pages(staff, route):
    staff.get("/show/plain/" + ASK)
    assert route("show/<name>/")["queries"]["max"] == 0


def test_without_measuring(staff):
    with testing.override(MEASURE=False):
        assert colours(again(staff).get("/show/list/" + ASK)) == ["green", "amber", "green"]


def again(client: Client) -> Client:
    """Another, whose middleware is loaded anew."""
    fresh = Client()
    fresh.cookies = client.cookies
    return fresh


class TestAsync:
    def test_staff_see_them(self, astaff):
        for url in ("/aside/", "/show/list/"):
            assert colours(get(astaff, url + ASK)) == ["green", "amber", "green"]

    def test_others_do_not(self, visitor):
        client = AsyncClient()
        client.cookies = visitor.cookies
        assert b"unhurried-regions" not in get(client, "/aside/" + ASK).content


def ask(door: Any, address: str, client: Client) -> str:
    cookies = "; ".join(f"{name}={each.value}" for name, each in client.cookies.items())
    request = RequestFactory().get(address, headers={"Cookie": cookies, "Host": "testserver"})
    return b"".join(door(request.environ, lambda *args: None)).decode()


@async_to_sync
async def get(client: AsyncClient, address: str) -> Any:
    return await client.get(address)


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("code", [204, 205, 302, 304])
def test_what_has_no_page_gets_none(staff, code):
    response = staff.get(f"/nothing/{code}/{ASK}")
    assert response.status_code == code
    assert response.content == b""
    assert "no-store" not in response.get("Cache-Control", "")
