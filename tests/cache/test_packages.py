"""What well-known packages do to a request or a response, each in a few lines, and what is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.template import engines
from django.template.response import TemplateResponse
from django.test import Client, override_settings
from django.urls import path

from unhurried.cache import cached_page

from .pages import DJANGO, MIDDLE, MIDDLEWARE, OURS, site_with

pytestmark = pytest.mark.django_db(transaction=True)


def text(source: str) -> Any:
    return engines["django"].from_string("{% load unhurried %}" + source)


@contextmanager
def at(middleware: list[str]) -> Iterator[None]:
    site = site_with(middleware, UNHURRIED={"STRICT": False})
    with site, override_settings(ROOT_URLCONF=__name__):
        yield


def statuses(where: str, times: int = 3) -> list[str]:
    return [Client().get(where)["Cache-Status"] for _ in range(times)]


@cached_page(600)
def serving(request: Any) -> TemplateResponse:
    """As wagtail's Page.serve."""
    request.chosen = "its own"
    return TemplateResponse(request, text("{{ request.chosen }}"))


@cached_page(600)
def missing(request: Any) -> TemplateResponse:
    return TemplateResponse(request, text("{% if request.missing %}x{% endif %}"))


def replaces(view: Any) -> Any:
    def inner(request: Any) -> Any:
        response = view(request)
        request.chosen = request.GET.get("who", "another's") if request.user.pk else "nobody's"
        return response

    return inner


urlpatterns = [
    path("serving/", serving),
    path("replaced/", replaces(serving)),
    path("missing/", missing),
]


# wagtail


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_what_the_view_has_set_is_its_own_while_it_is_rendered(way: str) -> None:
    with at(MIDDLEWARE[way]):
        assert "hit" in statuses("/serving/")[-1]


def test_unless_what_is_around_it_has_set_it_again() -> None:
    with at([OURS, *DJANGO]):
        assert not any("hit" in each or "stored" in each for each in statuses("/replaced/"))


@pytest.mark.parametrize("way", sorted(MIDDLEWARE))
def test_an_attribute_that_is_not_there_is_no_look_at_all_of_them(way: str) -> None:
    with at(MIDDLEWARE[way]):
        assert "hit" in statuses("/missing/")[-1]


def test_where_a_middleware_may_set_it_for_others_it_is_one_at_it() -> None:
    with at([OURS, *DJANGO, MIDDLE]):
        assert not any("hit" in each or "stored" in each for each in statuses("/missing/"))
