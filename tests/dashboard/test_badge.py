"""The badge: on whole pages, for staff, never stored, and nothing for everybody else."""

import re
import time

import pytest
from asgiref.sync import async_to_sync
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.core.exceptions import ImproperlyConfigured
from django.test import AsyncClient, Client, override_settings

from tests.dashboard import site
from unhurried import testing
from unhurried.dashboard import _documents, _routes, _staff
from unhurried.measure import measured, snapshot

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
MARK = b'id="unhurried-badge"'
NOT_FOR_BADGES = ["brotli", "fragment", "json", "attachment", "streamed"]
OUTER_CACHE = ["django.middleware.cache.UpdateCacheMiddleware"]
OUTER_CACHE += [*settings.MIDDLEWARE, "django.middleware.cache.FetchFromCacheMiddleware"]


def body(response):
    return b"".join(response) if response.streaming else response.content


def test_staff_see_it(staff):
    response = staff.get("/with_queries/")
    assert response.content.count(MARK) == 1
    assert b"3\xc2\xa0queries \xc2\xb7 " in response.content
    assert response.content.endswith(b"</aside></BODY></html>")
    slug = _routes.slug("request", "with_queries/")
    assert f'href="/unhurried/routes/{slug}/"'.encode() in response.content
    assert response["Cache-Control"] == "private, no-store"


def test_its_link_leads_to_the_route(staff):
    found = re.search(rb'<aside[^>]*><a href="([^"]+)"', staff.get("/book/7/").content)
    assert b"/book/&lt;int:pk&gt;/" in staff.get(found[1].decode()).content


def link(response):
    return re.search(rb'<aside[^>]*><a href="([^"]+)"', response.content)[1].decode()


def test_its_link_leads_to_a_route_of_many_letters(staff):
    assert staff.get(link(staff.get(f"/{site.LONG}/"))).status_code == 200


def test_its_link_leads_to_the_others_where_names_are_full(staff):
    for number in range(210):
        with measured(f"unit {number}"):
            pass
    html = staff.get(link(staff.get("/page/"))).content
    assert b"(other)" in html


def test_it_is_clean_of_inline_style_and_script(staff):
    html = staff.get("/page/").content
    assert b"style=" not in html
    assert b"<style" not in html
    assert b"<script" not in html
    css = re.search(rb'<link rel="stylesheet" href="([^"]+)"', html)[1].decode()
    assert "max-age" in staff.get(css)["Cache-Control"]


@pytest.mark.parametrize("status", ["gone", "nowhere"])
def test_errors_are_pages_too(staff, status):
    response = staff.get(f"/{status}/")
    assert response.status_code in (404, 410)
    assert MARK in response.content


def test_another_charset(staff):
    response = staff.get("/latin/")
    assert MARK in response.content
    assert "1.0\u00a0" not in response.content.decode("latin-1").partition("<aside")[0]


def test_a_compressed_page_is_unpacked_for_them(staff, client):
    response = staff.get("/zipped/")
    assert response.content.count(MARK) == 1
    assert not response.has_header("Content-Encoding")
    assert client.get("/zipped/")["Content-Encoding"] == "gzip"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>a", "</body></html>"),
        ("<p>a", "</BODY\n>\n<!-- b -->\n</html >\n"),
        ("<p>a", "</body><!-- </body> --></html>"),
        ("<p>a", "</body></html><script>'</body>'</script>"),
        ("<p>a", "</body><p>more of it"),
        ("<script>'</body></html>'</script>", "</body>"),
        ("<textarea></body></textarea>", "</body><input value='</body></html>'>"),
        ("<p>\u20ac", "</body><iframe></body></iframe>"),
    ],
)
def test_it_stands_where_the_body_ends(before, after):
    start = f"<!doctype html><title>t</title>{before}".encode()
    assert _documents.end_of_body(start + after.encode()) == len(start)


@pytest.mark.parametrize(
    "page",
    [
        '<!doctype html><p>hi<script>var w = "<html><body></body></html>";</script>',
        "<p>hi<!-- </body></html> -->",
        "<p>hi<textarea>my page: </body></textarea>",
        '<p>hi<input value="</body></html>">',
        "<p>hi</bodyguard>",
        "<p>hi",
        "",
    ],
)
def test_nothing_else_is_taken_for_the_end(page):
    assert _documents.end_of_body(page.encode()) == -1


@pytest.mark.parametrize("name", NOT_FOR_BADGES)
def test_other_answers_stay_as_they_are(staff, name):
    response = staff.get(f"/{name}/")
    assert MARK not in body(response)
    assert "no-store" not in response.get("Cache-Control", "")


@pytest.mark.parametrize(
    "header",
    [
        {"HX-Request": "true"},
        {"Turbo-Frame": "messages"},
        {"X-Requested-With": "XMLHttpRequest"},
        {"Sec-Fetch-Dest": "iframe"},
    ],
)
def test_fragments_have_none(staff, header):
    assert MARK not in staff.get("/page/", headers=header).content


def test_boosted_pages_are_whole(staff):
    headers = {"HX-Request": "true", "HX-Boosted": "true"}
    assert MARK in staff.get("/page/", headers=headers).content


def test_head_has_no_body(staff):
    assert staff.head("/page/").get("Cache-Control") is None


def test_the_dashboard_has_none(staff):
    assert MARK not in staff.get("/unhurried/").content


@pytest.mark.urls("tests.dashboard.bare")
def test_without_a_dashboard_there_is_nothing_to_link_to(staff):
    response = staff.get("/page/")
    assert MARK not in response.content
    assert "no-store" not in response.get("Cache-Control", "")


def test_off_by_setting(staff):
    with testing.override(BADGE=False):
        assert MARK not in staff.get("/page/").content


class TestSwitch:
    def test_off_and_on_in_this_browser(self, staff):
        link = re.search(rb'href="(/unhurried/badge/off/[^"]+)"', staff.get("/page/?a=1").content)
        response = staff.get(link[1].decode())
        assert (response.status_code, response["Location"]) == (302, "/page/?a=1")
        assert response.cookies["unhurried_badge"]["httponly"]
        assert MARK not in staff.get("/page/").content
        assert b"/unhurried/badge/on/" in staff.get("/unhurried/").content
        assert staff.get("/unhurried/badge/on/")["Location"] == "/unhurried/"
        assert MARK in staff.get("/page/").content

    @pytest.mark.parametrize("away", ["https://evil.example/", "//evil.example", "javascript:1"])
    def test_it_leads_nowhere_else(self, staff, away):
        assert staff.get("/unhurried/badge/off/", {"next": away})["Location"] == "/unhurried/"


class TestNeverStored:
    def test_what_describes_the_page_without_it_goes(self, staff):
        response = staff.get("/tagged/")
        assert MARK in response.content
        assert not response.has_header("ETag")
        assert not response.has_header("Last-Modified")
        assert response["Content-Length"] == str(len(response.content))

    def test_and_stays_for_others(self, visitor):
        response = visitor.get("/tagged/")
        assert response["ETag"] == '"one"'
        assert response.has_header("Last-Modified")
        assert response["Content-Length"] == str(len(response.content))

    @override_settings(MIDDLEWARE=OUTER_CACHE)
    def test_by_a_cache_outside(self, staff, client):
        assert MARK in staff.get("/page/").content
        assert MARK not in client.get("/page/").content

    def test_by_a_cache_inside(self, staff, client):
        assert MARK in staff.get("/cached/").content
        assert MARK not in client.get("/cached/").content
        assert staff.get("/cached/").content.count(MARK) == 1


class TestEverybodyElse:
    def test_no_session_costs_nothing(self, client, django_assert_num_queries):
        with django_assert_num_queries(0):
            response = client.get("/page/")
        assert MARK not in response.content
        assert not response.has_header("Server-Timing")

    def test_a_session_is_asked_once_a_minute(self, visitor, django_assert_num_queries):
        with django_assert_num_queries(2):  # the session and the user
            visitor.get("/page/")
        with django_assert_num_queries(0):
            visitor.get("/page/")
        _staff._no = {key: time.monotonic() - 1 for key in _staff._no}
        with django_assert_num_queries(2):
            visitor.get("/page/")

    def test_who_is_on_the_page_is_not_asked_again(self, staff, django_assert_num_queries):
        with django_assert_num_queries(2):
            assert MARK in staff.get("/personal/").content

    def test_the_questions_are_nobodys_queries(self, staff, visitor, route):
        with measured("around"):
            staff.get("/page/")
            visitor.get("/page/")
        assert route("page/")["queries"]["max"] == 0
        assert snapshot()["routes"]["around"]["queries"]["max"] == 0

    def test_few_are_remembered(self, visitor, monkeypatch):
        monkeypatch.setattr(_staff, "MOST", 3)
        for number in range(10):
            _staff._remember(f"session {number}")
        assert len(_staff._no) <= 3

    def test_a_session_that_is_gone(self, staff):
        Session.objects.all().delete()
        assert MARK not in staff.get("/page/").content

    def test_a_cookie_of_rubbish(self, client):
        client.cookies[settings.SESSION_COOKIE_NAME] = "\x00 rubbish'--"
        assert client.get("/page/").status_code == 200

    def test_the_page_of_others_varies_as_before(self, visitor):
        middleware = [
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "unhurried.middleware.UnhurriedMiddleware",
        ]
        with override_settings(MIDDLEWARE=middleware):
            assert "Cookie" not in visitor.get("/page/").get("Vary", "")


class TestLookUpOnlyReads:
    """get_user would renew or flush a session whose cookie has been sent already."""

    def test_after_a_change_of_the_secret_key(self, staff):
        key = staff.cookies["sessionid"].value
        with override_settings(SECRET_KEY="new", SECRET_KEY_FALLBACKS=[settings.SECRET_KEY]):
            assert staff.get("/page/").status_code == 200
        assert Session.objects.filter(pk=key).exists()

    def test_after_a_change_of_password(self, staff):
        user = User.objects.get(username="staff")
        user.set_password("another")
        user.save()
        assert MARK not in staff.get("/page/").content
        assert Session.objects.count() == 1

    def test_another_backend(self, staff):
        backend = "django.contrib.auth.backends.AllowAllUsersModelBackend"
        with override_settings(AUTHENTICATION_BACKENDS=[backend]):
            assert MARK not in staff.get("/page/").content


class TestPermission:
    def test_it_opens_the_badge(self, staff):
        friend = Client()
        friend.force_login(User.objects.create(username="friend"))
        with testing.override(PERMISSION="tests.dashboard.site.let_in"):
            assert MARK in friend.get("/page/").content
            assert MARK not in staff.get("/page/").content

    @pytest.mark.parametrize("path", ["tests.dashboard.site.boom", "no.such.thing"])
    def test_its_bugs_break_no_page(self, staff, path):
        with testing.override(PERMISSION=path, STRICT=False):
            response = staff.get("/page/")
        assert response.status_code == 200
        assert MARK not in response.content

    def test_its_bugs_raise_under_strict(self, staff):
        with testing.override(PERMISSION="no.such.thing"), pytest.raises(ImproperlyConfigured):
            staff.get("/page/")


def test_a_session_store_that_is_away_breaks_no_page(staff, monkeypatch):
    def fail(self):
        raise ConnectionRefusedError

    monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", fail)
    with testing.override(STRICT=False):
        assert staff.get("/page/").status_code == 200


@async_to_sync
async def get(client, address):
    return await client.get(address)


class TestAsync:
    def test_staff_see_it(self, astaff):
        response = get(astaff, "/apage/")
        assert MARK in response.content
        assert response["Cache-Control"] == "private, no-store"

    def test_who_is_on_the_page_is_not_asked_again(self, astaff, monkeypatch):
        monkeypatch.setattr(_staff, "_look_up", None)
        assert MARK in get(astaff, "/apersonal/").content

    def test_others_do_not(self, visitor):
        client = AsyncClient()
        client.cookies = visitor.cookies
        for _ in range(2):
            response = get(client, "/apage/")
            assert MARK not in response.content
            assert not response.has_header("Server-Timing")

    def test_its_queries_are_nobodys(self, astaff, route):
        get(astaff, "/apage/")
        assert route("apage/")["queries"]["max"] == 0

    def test_permission_may_ask_the_database(self, astaff):
        with testing.override(PERMISSION="tests.dashboard.site.let_in"):
            assert MARK not in get(astaff, "/apersonal/").content

    def test_its_bugs_break_no_page(self, astaff):
        with testing.override(PERMISSION="tests.dashboard.site.boom", STRICT=False):
            assert get(astaff, "/apage/").status_code == 200


class TestServerTiming:
    def metrics(self, response):
        return dict(m.split(";dur=") for m in response["Server-Timing"].split(", "))

    def test_parts_add_up(self, staff):
        found = self.metrics(staff.get("/with_queries/"))
        assert found["db"].endswith(';desc="3 queries"')
        parts = {name: float(text.split(";")[0]) for name, text in found.items()}
        told = sum(parts.get(p, 0) for p in ("view", "db", "cache", "http", "template"))
        assert told == pytest.approx(parts["total"], abs=0.01)
        assert parts["cpu"] <= parts["total"]

    def test_the_queue_where_it_is_known(self, staff):
        headers = {"X-Request-Start": f"t={time.time() - 0.05:.6f}"}
        assert float(self.metrics(staff.get("/page/", headers=headers))["queue"]) >= 50
        assert "queue" not in self.metrics(staff.get("/page/"))

    def test_staff_have_it_on_data_too(self, staff):
        assert "total" in self.metrics(staff.get("/json/"))

    def test_everybody_has_it_while_debugging(self, client):
        with override_settings(DEBUG=True):
            assert "total" in self.metrics(client.get("/page/"))

    def test_it_joins_the_sites_own(self, staff):
        assert staff.get("/timed/")["Server-Timing"].startswith("mine;dur=1, total;dur=")

    def test_a_stream_has_not_ended(self, staff):
        assert not staff.get("/streamed/").has_header("Server-Timing")
