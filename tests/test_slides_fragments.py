"""Slides 20 to 25, rule 2: "my social pinstafacegramiqus isn't cacheable!" """

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import caches
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.test import Client
from django.test.utils import override_settings
from django.urls import path

from tests.books.models import Author, Book
from tests.cache import fragments_site
from unhurried.cache import cached_page, fragment

pytestmark = pytest.mark.django_db(transaction=True)
TEMPLATES = {
    "slide20.html": "{% load unhurried %}<div id=header>{% fragment 'header' %}</div>"
    "{% for book in books %}<li>{{ book.title }}</li>{% endfor %}",
    "header.html": "Hello, {{ user.username }}!",
    # As on the slide, but for what is loaded.
    "slide24.html": "{% load unhurried %}<h1>Books</h1>\n"
    "{% phased with user %}\nHello, {{ user.username }}!\n{% endphased %}\n"
    "{% for book in books %}<li>{{ book.title }}</li>{% endfor %}",
}
ran: list[str] = []


@fragment("header", audience="user")
def header(request: HttpRequest) -> Any:
    return "header.html", {}


def page(template: str) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        ran.append(template)
        return render(request, template, {"books": Book.objects.order_by("pk")})

    view.__qualname__ = template
    return cached_page(600)(view)


urlpatterns = [path("slide20/", page("slide20.html")), path("slide24/", page("slide24.html"))]


def visits(where: str) -> list[str]:
    """What three people see, one of them twice, of which the first makes it."""
    caches["default"].clear()
    ran.clear()
    templates = [{**fragments_site.SETTINGS["TEMPLATES"][0]}]
    processors = templates[0]["OPTIONS"]["context_processors"]
    loader = ("django.template.loaders.locmem.Loader", TEMPLATES)
    templates[0]["OPTIONS"] = {
        "loaders": [("django.template.loaders.cached.Loader", [loader])],
        "context_processors": processors,
    }
    Book.objects.create(title="Two Scoops", author=Author.objects.create(name="Audrey"))
    with override_settings(ROOT_URLCONF=__name__, TEMPLATES=templates):
        clients = {name: Client() for name in ("jacob", "simon")}
        for name, client in clients.items():
            client.force_login(User.objects.create_user(name))
        answers = [clients[name].get(where) for name in ("jacob", "simon", "jacob")]
        answers.append(Client().get(where))
    assert [answer["Cache-Status"].split("; ")[1] for answer in answers[1:]] == ["hit"] * 3
    return [answer.content.decode() for answer in answers]


def test_20_the_page_is_for_all_and_the_greeting_for_each() -> None:
    seen = visits("/slide20/")
    rest = "</div><li>Two Scoops</li>"
    names = ("jacob", "simon", "jacob", "")
    assert seen == [f"<div id=header>Hello, {name}!{rest}" for name in names]
    assert ran == ["slide20.html"]


def test_24_the_slides_block() -> None:
    seen = visits("/slide24/")
    names = ("jacob", "simon", "jacob", "")
    rest = "<li>Two Scoops</li>"
    assert seen == [f"<h1>Books</h1>\n\nHello, {name}!\n\n{rest}" for name in names]
    assert ran == ["slide24.html"]
