"""A site whose pages tell what they take in the browser."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path, re_path

from unhurried.cache import cached_page

PAGE = (
    '{% load unhurried %}<!doctype html><html lang="en"><head><meta charset="utf-8">'
    "<title>Books</title>{% vitals %}</head><body><h1>Books</h1></body></html>"
)


def rendered(request: HttpRequest, source: str = PAGE, **context: Any) -> HttpResponse:
    return HttpResponse(engines["django"].from_string(source).render(context, request))


def books(request: HttpRequest, **kwargs: Any) -> HttpResponse:
    return rendered(request)


@cached_page(600)
def kept(request: HttpRequest) -> HttpResponse:
    return rendered(request)


def tenth(request: HttpRequest) -> HttpResponse:
    return rendered(request, PAGE.replace("% vitals %", "% vitals sample=share %"), share=0.1)


def part(request: HttpRequest) -> HttpResponse:
    around = "{% cached 600 'foot' %}{% vitals %}{% endcached %}"
    return rendered(request, PAGE.replace("{% vitals %}", around))


urlpatterns = [
    path("books/", books),
    path("kept/", kept),
    path("tenth/", tenth),
    path("part/one/", part),
    path("part/two/", part),
    path("", books),
    re_path(r'^odd"<\d+>&/(?P<x>[^/]*)$', books),
    path("unhurried/", include("unhurried.urls")),
]
