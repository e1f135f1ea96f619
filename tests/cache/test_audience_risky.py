"""What the checks say about the site around a cached page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import override_settings
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views.decorators.cache import cache_control, cache_page
from django.views.generic import View

from unhurried.cache import cached_page
from unhurried.cache._audience import _risky
from unhurried.cache._audience._risky import _DJANGO, neutral, problems
from unhurried.testing import override

from .audience_site.settings import STARTED

DJANGO = "django.contrib.sessions.middleware.SessionMiddleware"

kept = cached_page(600)


def page(request: Any) -> HttpResponse:
    return HttpResponse("ok")


@method_decorator(cache_page(60), name="dispatch")
class Decorated(View):
    def get(self, request: Any) -> HttpResponse:
        return page(request)


@method_decorator([cache_control(public=True), cache_page(60)], name="get")
class DecoratedGet(View):
    def get(self, request: Any) -> HttpResponse:
        return page(request)


@method_decorator([kept, cache_page(60)], name="dispatch")
class Both(View):
    def get(self, request: Any) -> HttpResponse:
        return page(request)


urlpatterns = [
    path("fine/", kept(page)),
    path("fine-as-well/", cache_page(60)(page)),
    path("one/", kept(cache_page(60)(page))),
    path("two/", cache_page(60)(cache_control(public=True)(kept(page)))),
    path("shop/", include([path("three/", kept(Decorated.as_view()))])),
    path("four/", kept(DecoratedGet.as_view())),
    path("five/", Both.as_view()),
]


@pytest.fixture(autouse=True)
def site() -> Iterator[None]:
    with override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=STARTED):
        yield


def found(kind: str) -> list[str]:
    return [message for each, message, hint in problems() if each == kind and hint]


def test_both_decorators_on_one_view() -> None:
    assert [each.split()[0] for each in found("twice")] == [
        *("/one/", "/two/", "/shop/three/", "/four/", "/five/"),
    ]


def test_without_a_cached_page_nothing_is_said() -> None:
    with override_settings(ROOT_URLCONF="tests.urls", MIDDLEWARE=["shop.ratelimit.Limit"]):
        assert not list(problems())


@pytest.mark.parametrize(
    ("version", "missing"),
    [
        ((5, 2, 13, "final", 0), ["6907", "8404", "48587"]),
        ((5, 2, 14, "final", 0), ["8404", "48587"]),
        ((5, 2, 15, "final", 0), []),
        ((6, 0, 4, "final", 0), ["6907", "8404", "48587"]),
        ((6, 0, 5, "final", 0), ["8404", "48587"]),
        ((6, 0, 6, "final", 0), []),
        ((6, 1, 0, "final", 0), []),
    ],
)
def test_releases_without_the_fixes(version: Any, missing: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(_risky.django, "VERSION", version)
    messages = found("django")
    assert len(messages) == bool(missing)
    assert all(f"CVE-2026-{number}" in messages[0] for number in missing)


@pytest.mark.parametrize("name", ["Update", "FetchFrom"])
def test_a_cache_of_the_whole_site(name: str) -> None:
    path_ = f"django.middleware.cache.{name}CacheMiddleware"
    with override_settings(MIDDLEWARE=[path_, *STARTED]):
        assert [each.split()[0] for each in found("site")] == [path_]


@pytest.mark.parametrize(
    "name",
    [
        "django_ratelimit.middleware.RatelimitMiddleware",
        "django.contrib.auth.middleware.LoginRequiredMiddleware",
        "shop.middleware.IPFilter",
        "django_otp.middleware.OTPMiddleware",
        "easyaudit.middleware.easyaudit.EasyAuditMiddleware",
        "axes.middleware.AxesMiddleware",
        "maintenance_mode.middleware.MaintenanceModeMiddleware",
        "hijack.middleware.HijackUserMiddleware",
    ],
)
def test_middleware_that_does_something_for_each_request(name: str) -> None:
    with override_settings(MIDDLEWARE=[*STARTED, name]):
        assert [each.split()[0] for each in found("skipped")] == [name]
        assert neutral() == (name,)
        with override(NEUTRAL_MIDDLEWARE=[name]):
            assert not found("skipped")
            assert neutral() == ()


def test_django_s_own_is_vouched_for() -> None:
    assert neutral() == ()
    assert set(STARTED) <= _DJANGO


@pytest.mark.parametrize(
    ("name", "value", "path_"),
    [
        ("SESSION_SAVE_EVERY_REQUEST", True, DJANGO),
        ("DISALLOWED_USER_AGENTS", [r"bot"], "django.middleware.common.CommonMiddleware"),
    ],
)
def test_but_not_for_what_a_setting_makes_it_do(name: str, value: Any, path_: str) -> None:
    with override_settings(**{name: value}):
        assert neutral() == (path_,)
    assert neutral() == ()


def test_unknown_middleware_is_not() -> None:
    with override_settings(MIDDLEWARE=[*settings.MIDDLEWARE, "shop.middleware.Beta"]):
        assert neutral() == ("shop.middleware.Beta",)
