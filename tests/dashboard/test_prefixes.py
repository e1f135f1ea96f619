"""What stands before the site's addresses: a server's prefix, a language."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.test import Client, override_settings
from django.urls import clear_script_prefix, set_script_prefix
from django.utils import translation

from unhurried.diagnose import _diagnose
from unhurried.measure.reading import below_script, own_prefix

from .test_pages import seen

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
LOCALE = [*settings.MIDDLEWARE[:2], "django.middleware.locale.LocaleMiddleware"]
LOCALE += settings.MIDDLEWARE[2:]
TONGUES = [("en", "English"), ("de", "German")]


def tables(staff: Client, address: str) -> list[str]:
    """The site's routes, and the dashboard's own."""
    return seen(staff, address).split("This dashboard\u2019s own")


class TestBelowAScript:
    """SCRIPT_NAME of a server, or FORCE_SCRIPT_NAME: the urls know nothing of it."""

    @pytest.fixture(autouse=True)
    def script(self) -> Iterator[None]:
        set_script_prefix("/app")
        yield
        clear_script_prefix()

    def test_the_dashboard_is_not_the_site(self, staff):
        staff.get("/page/")
        staff.get("/unhurried/")
        site, own = tables(staff, "/unhurried/routes/")
        assert ">/page/</a>" in site
        assert "/unhurried/</a>" not in site
        assert ">/unhurried/</a>" in own

    @pytest.mark.parametrize("login", ["login", "/app/login/", "/app/login/?sso=1"])
    def test_strangers_go_to_the_login(self, client, login):
        with override_settings(LOGIN_URL=login):
            response = client.get("/unhurried/")
        assert response.status_code == 302
        assert response["Location"].startswith("/app/login/?")

    def test_a_page_is_named_as_visitors_do(self):
        for told, asked in {
            "/app/feed/?a=1": "/feed/?a=1",
            "https://example.com/app/feed/": "https://example.com/feed/",
            "/feed/": "/feed/",
            "/apple/": "/apple/",
            "/app/": "/",
        }.items():
            assert _diagnose._address(told) == asked


@pytest.mark.parametrize("urls", [None, "", "no.such.urls", "unhurried.testing"])
def test_a_worker_without_urls_has_no_dashboard(urls):
    """The elected process may be one; that settings name none at all is None in the test's."""
    with override_settings(ROOT_URLCONF=urls):
        assert own_prefix() == ()


def test_settings_of_a_worker_s_may_not_name_urls_at_all(settings):
    del settings.ROOT_URLCONF
    assert own_prefix() == ()


def test_without_a_script_a_path_is_as_it_is():
    for path in ("/", "/feed/", "/app/feed/"):
        assert below_script(path) == path
        assert _diagnose._address(path) == path


class TestBelowALanguage:
    @pytest.fixture(autouse=True)
    def two(self, settings):
        settings.LANGUAGES, settings.MIDDLEWARE = TONGUES, LOCALE

    @pytest.mark.urls("tests.dashboard.languages")
    def test_the_dashboard_is_its_own_in_each(self, staff):
        for language in ("en", "de"):
            staff.get(f"/{language}/page/")
            staff.get(f"/{language}/unhurried/")
        for reader in ("en", "de"):
            site, own = tables(staff, f"/{reader}/unhurried/routes/")
            for language in ("en", "de"):
                assert f">/{language}/page/</a>" in site
                assert f">/{language}/unhurried/</a>" in own
                assert f">/{language}/unhurried/</a>" not in site

    @pytest.mark.urls("tests.dashboard.languages_at_root")
    def test_at_the_root_all_is_the_sites(self):
        for reader in ("en", "de"):
            with translation.override(reader):
                assert own_prefix() == ()

    @pytest.mark.urls("tests.dashboard.site")
    def test_elsewhere_there_is_one(self):
        assert own_prefix() == ("unhurried/",)

    @pytest.mark.urls("tests.dashboard.bare")
    def test_nor_without_a_dashboard(self):
        assert own_prefix() == ()


@pytest.mark.parametrize(
    ("urls", "start"),
    [("tests.dashboard.nested", "/staff/unhurried/"), ("tests.dashboard.tenants", "/a/unhurried/")],
)
class TestWhereNothingCanBeLinkedTo:
    @pytest.mark.parametrize(
        "address", ["", "routes/x/", "later/", "data/total.json", "badge/off/"]
    )
    def test_the_way_out_is_told(self, staff, client, settings, urls, start, address):
        settings.ROOT_URLCONF = urls
        response = staff.get(start + address)
        assert response.status_code == 500
        assert 'path("unhurried/", include("unhurried.urls"))' in response.content.decode()
        assert client.get(start + address).status_code == 403

    def test_a_scraper_is_answered(self, staff, settings, urls, start):
        settings.ROOT_URLCONF = urls
        assert staff.get(start + "metrics").status_code == 200

    def test_check_says_so(self, store, settings, urls, start):
        settings.ROOT_URLCONF = urls
        [found] = run_checks(tags=["unhurried"])
        assert found.id == "unhurried.E106"
        assert "namespace" in found.hint


@pytest.mark.parametrize("urls", ["site", "bare", "languages", "languages_at_root"])
def test_elsewhere_check_is_content(store, settings, urls):
    settings.ROOT_URLCONF = f"tests.dashboard.{urls}"
    assert "unhurried.E106" not in {each.id for each in run_checks(tags=["unhurried"])}
