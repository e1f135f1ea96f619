"""Decorators around a cached page that choose how its response is rendered, for each reader."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import wraps
from typing import Any

import pytest
from django.http import HttpRequest
from django.template.response import SimpleTemplateResponse
from django.test import Client, override_settings
from django.urls import path
from django.utils.cache import patch_vary_headers
from django.views.decorators.clickjacking import xframe_options_exempt

from unhurried.cache import cached_page

from .pages import DJANGO, OURS, site_with, status

pytestmark = pytest.mark.django_db(transaction=True)
View = Callable[[HttpRequest], Any]


class Negotiated(SimpleTemplateResponse):
    """Rendered by what others have set on it, as a response of REST framework is."""

    accepted = "text/plain"

    def __init__(self) -> None:
        super().__init__("none")
        self.data: dict[str, str] = {"of": "all"}

    @property
    def rendered_content(self) -> str:
        self["Content-Type"] = self.accepted
        return f"{self.accepted}: {self.data}"


def accepted(request: HttpRequest) -> str:
    return request.headers.get("Accept", "text/plain")


def around(does: Callable[[Any, str], None]) -> Callable[[View], View]:
    def decorate(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest) -> Any:
            wanted = accepted(request)  # before the view, as initial() of APIView does
            response = view(request)
            does(response, wanted)
            return response

        return inner

    return decorate


def adds(response: Any, wanted: str) -> None:
    response.accepted = wanted


def changes(response: Any, wanted: str) -> None:
    response.template_name = response.data = {"of": wanted}


def fills(response: Any, wanted: str) -> None:
    response.data["of"] = wanted


def says(response: Any, wanted: str) -> None:
    """Nobody sees what it has done, but it says that it has."""
    patch_vary_headers(response, ["Accept"])


@cached_page(600)
def page(request: HttpRequest) -> Negotiated:
    return Negotiated()


DECORATORS: dict[str, Callable[[Any, str], None]] = {
    each.__name__: each for each in (adds, changes, fills, says)
}
urlpatterns = [
    *(path(f"{name}/", around(does)(page)) for name, does in DECORATORS.items()),
    path("framed/", xframe_options_exempt(page)),
]


@pytest.fixture(params=["inside", "first"], autouse=True)
def site(request: Any) -> Iterator[None]:
    middleware = [*DJANGO, OURS] if request.param == "inside" else [OURS, *DJANGO]
    with site_with(middleware), override_settings(ROOT_URLCONF=__name__):
        yield


@pytest.mark.parametrize("name", DECORATORS)
def test_a_page_that_is_rendered_as_its_reader_wants_it_is_kept_for_nobody(name: str) -> None:
    wanted = ("application/json", "text/html", "text/html")
    answers = [Client().get(f"/{name}/", headers={"Accept": each}) for each in wanted]
    assert [status(each) for each in answers] == ["fwd=miss", "fwd=bypass", "fwd=bypass"]
    if name != "says":
        assert all(each.encode() in got.content for each, got in zip(wanted, answers, strict=True))


def test_a_mark_for_a_middleware_is_none_of_the_page() -> None:
    answers = [Client().get("/framed/") for _ in range(2)]
    assert [status(each) for each in answers] == ["fwd=miss", "hit"]
    assert "X-Frame-Options" not in answers[1]
