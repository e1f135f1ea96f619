"""The dashboard's test site, and what ``hang_on`` answers to those who wait, standing still."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.dashboard import site
from unhurried.later._hang_on import _answers
from unhurried.later._hang_on._options import TEMPLATE
from unhurried.later._hang_on._works import Seen

LONG = 3600
NOW = datetime(2026, 11, 29, tzinfo=UTC)
SEEN = Seen(
    *("key", "running", 3, 8, "Reading the orders of November", None, "4f1c", 1, "holder"),
    *(NOW, NOW + timedelta(hours=1), NOW + timedelta(hours=1), NOW),
)


def waiting(request: HttpRequest) -> HttpResponse:
    if "json" in request.headers.get("Accept", ""):
        return _answers.told(SEEN, None)
    return _answers.waiting(request, TEMPLATE, SEEN, None, LONG)


def failed(request: HttpRequest) -> HttpResponse:
    return _answers.failed(request, TEMPLATE, SEEN)


def many(request: HttpRequest) -> HttpResponse:
    return _answers.too_many(request, TEMPLATE, 3)


urlpatterns = [
    *site.urlpatterns,
    path("waiting/", waiting),
    path("failed/", failed),
    path("many/", many),
]
