"""Every page: who may see it, and what it says when there is nothing, something, trouble."""

import re
import time
from html.parser import HTMLParser

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse

from unhurried import testing
from unhurried.dashboard import _routes, _series
from unhurried.measure import StoreError, counter, gauge, histogram, measured, meter, timer

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
HOSTILE = "<script>alert(1)</script>\"'&{{ x }}"
FEED = _routes.slug("request", "page/")
PAGES = ["/unhurried/", "/unhurried/routes/", "/unhurried/yours/"]
DATA = ["/unhurried/data/total.json", "/unhurried/data/yours.json"]
DATA += [f"/unhurried/data/route/{FEED}.json"]


class Strict(HTMLParser):
    """Fails on whatever a strict Content-Security-Policy would refuse, and on unclosed elements."""

    VOID = {"meta", "link", "br", "input", "img"}

    def __init__(self, html):
        super().__init__()
        self.open, self.ids = [], []
        self.feed(html)
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))

    def handle_starttag(self, tag, attrs):
        names = dict(attrs)
        assert "style" not in names
        assert tag != "style"
        assert not [name for name in names if name.startswith("on")]
        assert not (names.get("href") or "").startswith("javascript:")
        self.ids += [names["id"]] if "id" in names else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        assert not (self.open and self.open[-1] == "script" and data.strip())


def seen(client, address, status=200):
    response = client.get(address)
    assert response.status_code == status
    assert response["Cache-Control"] == "no-store"
    html = response.content.decode()
    Strict(html)
    return html


def fill(client):
    for _ in range(3):
        client.get("/page/")
        client.get("/with_queries/")
    client.get("/")
    client.get("/book/7/")
    client.get("/nowhere/")
    with measured("nightly import"):
        pass
    counter("orders").increment(3)
    gauge("depth").set(1.5)
    meter("signups").mark()
    histogram("basket").update(12.5)
    with timer("thumbnail"):
        pass


def test_empty(staff):
    assert "Nothing measured yet." in seen(staff, "/unhurried/")
    assert "Nothing measured yet." in seen(staff, "/unhurried/routes/")
    assert "Nothing of your own" in seen(staff, "/unhurried/yours/")
    for address in DATA:
        assert staff.get(address).json()["x"] == []


def test_front(staff):
    fill(staff)
    html = seen(staff, "/unhurried/")
    assert "1\u00a0worker, this host only" in html
    shares = re.findall(r"<b>(\d+)&nbsp;%</b>", html)
    assert sum(map(int, shares)) == 100
    assert "/with_queries/" in html
    assert "/book/&lt;int:pk&gt;/" in html
    assert ">/</a>" in html
    assert "/unhurried/routes/&lt;slug" not in html


def test_measuring_cost_is_shown(staff):
    for _ in range(20):
        staff.get("/page/")
    assert re.search(r"measuring costs [<\d.]+\u00a0%", seen(staff, "/unhurried/"))


def test_routes_sort_by_link(staff):
    fill(staff)

    def order(sort):
        table = seen(staff, f"/unhurried/routes/?sort={sort}").partition("</table>")[0]
        return re.findall(r'scope="row"><a href="[^"]+">([^<]+)</a>', table)

    names = ["(none)", "/", "/book/&lt;int:pk&gt;/", "/page/", "/with_queries/"]
    assert order("name") == names
    assert order("queries")[0] == "/with_queries/"
    assert sorted(order("nonsense")) == names
    assert 'aria-sort="ascending"><a href="?sort=name"' in seen(
        staff, "/unhurried/routes/?sort=name"
    )


def test_units_and_own_pages_stand_apart(staff):
    fill(staff)
    staff.get("/unhurried/")
    site, units, own = seen(staff, "/unhurried/routes/").split("</table>")[:3]
    assert "nightly import" in units
    assert "nightly import" not in site
    assert ">/unhurried/</a>" in own
    assert "/unhurried/</a>" not in site


def test_each_route_has_a_page(staff):
    fill(staff)
    found = re.findall(r'scope="row"><a href="([^"]+)">', seen(staff, "/unhurried/routes/"))
    assert len(found) >= 6
    for address in found:
        html = seen(staff, address)
        assert sum(map(int, re.findall(r"<b>(\d+)&nbsp;%</b>", html))) in (200, 300)


def test_a_route(staff):
    fill(staff)
    html = seen(staff, f"/unhurried/routes/{_routes.slug('request', 'with_queries/')}/")
    assert '<h1 class="route">/with_queries/</h1>' in html
    assert "status 200" in html
    assert "bytes sent" in html
    assert 'aria-label="Queries: p50 3, p95 3, p99 3"' in html
    assert "<title>3: 3 (100.0 %)</title>" in html


def test_a_route_that_makes_no_queries_has_counted_none(staff):
    fill(staff)
    html = seen(staff, f"/unhurried/routes/{FEED}/")
    assert "<title>0: 3 (100.0 %)</title>" in html


def test_the_queue_is_shown_where_a_server_says_it(staff):
    staff.get("/page/", headers={"X-Request-Start": "t=1"})
    assert "waited in the queue" not in seen(staff, f"/unhurried/routes/{FEED}/")
    staff.get("/page/", headers={"X-Request-Start": f"t={time.time() - 0.5:.6f}"})
    assert "waited in the queue" in seen(staff, f"/unhurried/routes/{FEED}/")


@pytest.mark.parametrize("slug", ["x", "rYQ", FEED])
def test_a_route_nobody_knows_is_404(staff, slug):
    assert staff.get(f"/unhurried/routes/{slug}/").status_code == 404


def test_yours(staff, history):
    fill(staff)
    history()
    fill(staff)
    history()
    html = seen(staff, "/unhurried/yours/")
    for name in ("orders", "depth", "signups", "basket", "thumbnail"):
        assert re.search(rf"<figcaption[^>]*>{name} <small>", html)
    assert "counter, 6" in html
    charts = staff.get("/unhurried/data/yours.json").json()["charts"]
    assert set(charts) == set(re.findall(r'data-chart="([^"]+)"', html))
    assert charts["counters:orders"]["unit"] == "/s"
    assert charts["gauges:depth"]["y"][0][-1] == 1.5
    assert charts["histograms:basket"]["labels"] == ["p50", "p95", "p99"]
    assert charts["timers:thumbnail"]["unit"] == "s"


def test_a_counter_that_shrinks_is_drawn_as_its_value():
    values = [{"counters": {"open": n}, "seconds": 10} for n in (3, 5, 4)]
    found = [(10.0 * i, sample) for i, sample in enumerate(values)]
    drawn = _series.instruments(found, {"counters": ["open"]})["counters:open"]
    assert drawn == {"unit": "", "labels": ["open"], "y": [[3, 5, 4]]}


def test_a_counter_that_grows_is_drawn_as_its_growth():
    values = [{"counters": {"a": n}, "seconds": 10} for n in (3, 5, 25)]
    found = [(10.0 * i, sample) for i, sample in enumerate(values)]
    assert _series.instruments(found, {"counters": ["a"]})["counters:a"]["y"] == [[None, 0.2, 2.0]]


def test_charts_of_a_route(staff, history):
    fill(staff)
    history()
    fill(staff)
    history()
    history()
    found = staff.get(f"/unhurried/data/route/{FEED}.json").json()
    assert found["span"] == "hour"
    assert found["step"] == 10
    assert found["charts"]["requests"]["y"] == [[0.3, 0]]
    assert found["charts"]["wall"]["y"][0][1] is None
    total = staff.get("/unhurried/data/total.json").json()["charts"]
    assert total["requests"]["y"][0][0] >= 0.9


def test_a_gap_breaks_the_line(monkeypatch):
    samples = [(t, {"seconds": 10}) for t in (100.0, 110.0, 200.0)]
    monkeypatch.setattr(_series, "series", lambda folder, span: samples)
    assert [(at, bool(sample)) for at, sample in _series.samples("hour")] == [
        (100.0, True),
        (110.0, True),
        (120.0, False),
        (200.0, True),
    ]


@pytest.mark.parametrize("span", ["hour", "day", "month", "nonsense"])
def test_spans(staff, span):
    known = span if span != "nonsense" else "hour"
    assert staff.get(f"/unhurried/data/total.json?span={span}").json()["span"] == known
    fill(staff)
    assert f'aria-current="true">{known}</a>' in seen(staff, f"/unhurried/?span={span}")


def test_json_has_no_nan():
    """No instrument takes one; a chart of a store written by somebody else still draws."""
    drawn = _series.chart("", ["odd"], [[1.0, float("nan"), float("inf"), None]])
    assert drawn["y"] == [[1.0, None, None, None]]


def test_hostile_names_are_text(staff, history):
    counter(HOSTILE).increment()
    with measured(HOSTILE):
        pass
    history()
    history()
    for address in (*PAGES, f"/unhurried/routes/{_routes.slug('unit', HOSTILE)}/"):
        html = seen(staff, address)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert(1)" in html or address == "/unhurried/"
    assert f"counters:{HOSTILE}" in staff.get("/unhurried/data/yours.json").json()["charts"]


def test_no_cookie_and_no_parameter_is_shown(staff):
    fill(staff)
    key = staff.cookies["sessionid"].value
    for address in PAGES:
        html = seen(staff, f"{address}?secret=s3cr3t-parameter")
        assert "s3cr3t" not in html
        assert key not in html


@pytest.mark.parametrize("address", [*PAGES, *DATA, "/unhurried/metrics"])
def test_reading_only(staff, address):
    assert staff.post(address).status_code == 405
    assert staff.head(address).status_code == 200


@pytest.mark.parametrize("address", [*PAGES, f"/unhurried/routes/{FEED}/", "/unhurried/badge/off/"])
class TestPermission:
    @pytest.mark.parametrize("login", ["login", "/login/"])
    def test_strangers_go_to_the_login(self, client, address, login):
        with override_settings(LOGIN_URL=login):
            response = client.get(address)
        assert (response.status_code, response["Location"]) == (302, f"/login/?next={address}")
        assert response["Cache-Control"] == "no-store"

    def test_the_login_may_be_elsewhere(self, client, address):
        with override_settings(LOGIN_URL="https://sso.example/in"):
            response = client.get(address)
        back = f"http%3A//testserver{address}"
        assert response["Location"] == f"https://sso.example/in?next={back}"

    def test_the_login_may_ask_something_itself(self, client, address):
        with override_settings(LOGIN_URL="/login/?sso=1&next=x"):
            response = client.get(address)
        assert response["Location"] == f"/login/?sso=1&next={address}"

    def test_of_this_host_by_its_whole_address(self, client, address):
        with override_settings(LOGIN_URL="http://testserver/login/?sso=1"):
            response = client.get(address)
        assert response["Location"] == f"http://testserver/login/?sso=1&next={address}"

    def test_without_a_login_strangers_are_told_the_setting(self, client, address):
        response = client.get(address)  # the default LOGIN_URL leads nowhere here
        assert response.status_code == 403
        assert b"UNHURRIED['PERMISSION']" in response.content

    def test_visitors_are_told_the_setting(self, visitor, address):
        with override_settings(LOGIN_URL="login"):
            response = visitor.get(address)
        assert response.status_code == 403
        assert b"UNHURRIED['PERMISSION']" in response.content

    def test_retired_staff_are_strangers(self, staff, address):
        User.objects.update(is_active=False)
        assert staff.get(address).status_code == 403

    def test_permission_takes_the_place_of_staff(self, staff, address):
        with testing.override(PERMISSION="tests.dashboard.site.let_in"):
            assert staff.get(address).status_code == 403
            friend = Client()
            friend.force_login(User.objects.create(username="friend"))
            assert friend.get(address).status_code in (200, 302, 404)


@pytest.mark.parametrize("address", DATA)
def test_data_is_for_the_same_people(client, visitor, staff, address):
    for stranger in (client, visitor):
        response = stranger.get(address)
        assert response.status_code == 403
        assert "PERMISSION" in response.json()["error"]
    assert staff.get(address)["Cache-Control"] == "no-store"


def test_metrics_are_for_the_same_people(client, staff):
    assert client.get("/unhurried/metrics").status_code in (401, 403)
    assert staff.get("/unhurried/metrics").status_code == 200


def test_a_wrong_permission_says_so(staff):
    with (
        testing.override(PERMISSION="tests.dashboard.site.nobody"),
        pytest.raises(
            Exception, match=r"UNHURRIED\['PERMISSION'\] = 'tests.dashboard.site.nobody'"
        ),
    ):
        staff.get("/unhurried/")


@override_settings(MIDDLEWARE=["unhurried.middleware.UnhurriedMiddleware"])
def test_without_users_nobody_is_let_in(client):
    response = client.get("/unhurried/")
    assert response.status_code == 403
    assert b"AuthenticationMiddleware" in response.content


def test_a_store_that_cannot_be_read_is_told(staff, monkeypatch):
    def fail(**kwargs):
        raise StoreError("<the folder> is somebody's.", "Name another in UNHURRIED['STORE'].")

    monkeypatch.setattr("unhurried.dashboard._numbers.snapshot", fail)
    for name in ("series", "totals"):
        monkeypatch.setattr(f"unhurried.dashboard._series.{name}", lambda folder, span: fail())
    for address in PAGES:
        html = seen(staff, address, 503)
        assert "&lt;the folder&gt; is somebody" in html
        assert "Name another" in html
    for address in DATA:
        assert staff.get(address).status_code == 503
        assert "Name another" in staff.get(address).json()["hint"]


def test_a_store_that_cannot_be_opened_is_told(staff, monkeypatch):
    def fail(**kwargs):
        raise PermissionError(13, "Permission denied", "/run/x")

    monkeypatch.setattr("unhurried.dashboard._numbers.snapshot", fail)
    html = seen(staff, "/unhurried/", 503)
    assert "Permission denied" in html
    assert "the user the site runs as" in html


def test_a_process_that_does_not_measure_says_so(staff, monkeypatch):
    fill(staff)
    trouble = StoreError("The disk is full.", "Make room.")
    monkeypatch.setattr("unhurried.dashboard._numbers.failure", lambda: trouble)
    html = seen(staff, "/unhurried/")
    assert "The disk is full." in html
    assert "Make room." in html
    assert "/with_queries/" in html


def test_a_store_open_to_others_is_told_with_the_way_out(staff, tmp_path):
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    with testing.override(STORE=folder):
        response = staff.get("/unhurried/")
    html = response.content.decode()
    Strict(html)
    assert response.status_code in (200, 503)
    assert f"chmod 700 {folder}" in html


def test_off_is_told(staff):
    with testing.override(MEASURE=False):
        assert "Measuring is off" in seen(staff, "/unhurried/")


class TestAssets:
    def test_they_are_kept_for_ever(self, client, staff):
        for address in re.findall(r'(?:href|src)="([^"]*assets[^"]*)"', seen(staff, "/unhurried/")):
            response = client.get(address)
            assert response.status_code == 200
            assert response["Cache-Control"] == "public, max-age=31536000, immutable"
            assert response["X-Content-Type-Options"] == "nosniff"

    def test_another_version_is_not_kept(self, client):
        response = client.get(reverse("unhurried:asset", args=["page.css"]) + "?v=0")
        assert response["Cache-Control"] == "no-cache"
        assert response["Content-Type"] == "text/css; charset=utf-8"

    @pytest.mark.parametrize(
        "name", ["other.css", "..%2Furls.py", "VENDORED.md", "vendor%2Fuplot.js"]
    )
    def test_nothing_else_is_served(self, client, name):
        assert client.get(f"/unhurried/assets/{name}").status_code == 404


@override_settings(USE_I18N=True, LANGUAGE_CODE="de", USE_THOUSAND_SEPARATOR=True, TEMPLATES=[])
def test_pages_do_not_depend_on_the_sites_language_and_templates(staff):
    fill(staff)
    html = seen(staff, "/unhurried/")
    assert re.search(r'width="\d+\.\d\d%"', html)
