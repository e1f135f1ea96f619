"""Pages whose parts are everybody's, somebody's, and nobody's."""

from __future__ import annotations

from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils.functional import SimpleLazyObject, cached_property

from tests.books.models import Book
from tests.pages.models import Page
from unhurried.cache import cached_page
from unhurried.cache._regions import begin
from unhurried.later import Tally, task
from unhurried.later import later as deferred

BASE = """<!doctype html>
<html><head><title>{% block title %}Books{% endblock %}</title></head>
<body><p>{% if user.is_authenticated %}Hello, {{ user.username }}{% else %}Log in{% endif %}</p>
<main>{% block content %}{% endblock %}</main></body></html>
"""
TEMPLATES = {
    "base.html": BASE,
    "list.html": """{% extends "base.html" %}
{% block content %}
<ul>{% for book in books %}<li>{% include "_book.html" %}</li>{% endfor %}</ul>
{% endblock %}""",
    "_book.html": "{{ book.title }} by {{ book.author.name }}",
    "attribute.html": '<p class="{{ user.username }}">a</p><b>{{ user.username }}</b>',
    "with.html": "{% with name=user.username %}<p>Hello</p>{{ name }}{% endwith %}<p>end</p>",
    "as.html": (
        "<p>before</p>{% firstof user.username as name %}<p>{{ name }}</p>"
        "{% for x in 'a' %}{% firstof user.pk as key %}{{ key }}{% endfor %}"
    ),
    "scope.html": (
        "{% for x in 'a' %}{% firstof user.username as name %}<i>{{ name }}</i>{% endfor %}"
        "<p>{{ after }}</p>"
    ),
    "empty.html": (
        "<p>a</p>{% if user.is_staff %}<p>staff</p>{% endif %}<p>b</p>{{ user.email }}<p>c</p>"
        '<p class="{{ user.email }}">d</p>'
    ),
    "branch.html": (
        "{% if user.is_staff %}a{% else %}{% firstof 'b' as name %}{% endif %}"
        "<p>{{ name }}</p><p>c</p>"
    ),
    "marks.html": "<!--u:0--><p>a</p><!--/uu:0-->",
    "cart.html": (
        "<b>{{ cart.size }}</b>{{ cart.name }}<p>{{ other.name }}</p><p>a</p>"
        "{% for each in carts %}<i>{{ each.name }}</i>{{ each.size }}{{ each.size }}{% endfor %}"
    ),
    "filter.html": "<p>{% filter upper %}<b>a</b>{{ user.username }}{% endfilter %}</p><p>b</p>",
    "form.html": "<form>{% csrf_token %}<p>a</p></form>",
    "said.html": "{% for each in messages %}<p>{{ each }}</p>{% endfor %}<p>b</p>",
    "cookie.html": "<p>{{ request.COOKIES.theme }}</p><p>{{ request.path }}</p>",
    "time.html": "<p>{% now 'Y' %}</p><p>{{ books|random }}</p>",
    "inner.html": "{% load cache %}{% cache 60 hers %}<b>{{ user.username }}</b>{% endcache %}",
    "ours.html": (
        "{% load unhurried %}{% cached 60 'a' %}<b>{{ books.0 }}</b>{% endcached %}<p>b</p>"
    ),
    "plain.html": "<p>{{ name }}</p>",
    "part.html": "<b>{{ user.username }}</b>",
    "around.html": "<p>a</p>{{ part }}",
    "all.html": """<!doctype html>
<html lang="en"><head><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ user.username }}'s books</title><link rel="icon" href="data:,"></head>
<body>
<header><a href="/show/list/">Books</a> <b id="hello">Hello, {{ user.username }}</b></header>
<main>
<p id="shared">All that we have, in the order in which we got it.</p>
<table><thead><tr><th>Title</th><th>Author</th></tr></thead><tbody>
{% for book in books %}<tr{% if user.is_staff %} id="row{{ book.pk }}"{% endif %}>
<td>{{ book }}</td><td>{{ book.author.name }}</td></tr>{% endfor %}</tbody></table>
<form id="form" method="post"><p>Add one</p>{% csrf_token %}
<select id="choice"><option>{{ request.COOKIES.theme }}</option></select></form>
<p id="time">It is {% now "Y" %}.</p>
<p id="last" hidden>{{ user.pk }}</p>
</main><footer id="foot">The end</footer></body></html>
""",
    "super.html": (
        '{% extends "base.html" %}{% block title %}{{ block.super }} of '
        "{{ user.username }}{% endblock %}"
    ),
}
LOADERS = [("django.template.loaders.locmem.Loader", TEMPLATES)]


def render(template: str, request: HttpRequest, **given: Any) -> HttpResponse:
    return HttpResponse(engines["django"].get_template(template).render(given, request))


def show(request: HttpRequest, name: str) -> HttpResponse:
    return render(f"{name}.html", request, books=Book.objects.order_by("pk"))


def looks(request: HttpRequest) -> HttpResponse:
    return render("plain.html", request, name=request.user.username)


def parts(request: HttpRequest) -> HttpResponse:
    return render("around.html", request, part=engines["django"].get_template("part.html").render(
        {}, request
    ))  # fmt: skip


def writes(request: HttpRequest) -> HttpResponse:
    Book.objects.update(title="Two")
    return render("plain.html", request, name="a")


hits = Tally(Page, "views", every=3600, most=10**9)


@task
def told(pk: int) -> None:
    pass


def puts_off(request: HttpRequest, how: str) -> HttpResponse:
    if how == "write":
        deferred(Book.objects.filter(title="Two")).update(title="Three")
    elif how == "nothing":
        deferred(Book.objects.none()).update(title="Three")
    elif how == "task":
        told.delay(1)
    else:
        hits.add(1)
    return show(request, "list")


class Cart:
    name = "cart"

    def __init__(self, request: HttpRequest) -> None:
        self.request = request

    @cached_property
    def size(self) -> str:
        return str(self.request.COOKIES["size"])


def cart(request: HttpRequest) -> HttpResponse:
    def made() -> Cart:
        found = Cart(request)
        _ = found.size
        return found

    given = {"cart": SimpleLazyObject(made), "other": Cart(request), "carts": [Cart(request)]}
    return render("cart.html", request, **given)


@login_required
def let_in(request: HttpRequest) -> HttpResponse:
    return show(request, "list")


async def aside(request: HttpRequest) -> HttpResponse:
    """Rendered in a thread, as async views do."""
    return await sync_to_async(show)(request, "list")


def later(request: HttpRequest) -> TemplateResponse:
    return TemplateResponse(request, "list.html", {"books": Book.objects.all()})


def declares(request: HttpRequest) -> HttpResponse:
    return show(request, "list")


@cached_page(600, params=["unhurried"])
def shared(request: HttpRequest) -> HttpResponse:
    return show(request, "ours")


kept = cached_page(600)(show)
mine = cached_page(600, audience="user")(show)
PAGES = {"GET": kept}


def led(request: HttpRequest, name: str) -> HttpResponse:
    """As packages do that call a view by its method: nobody sees from here which one."""
    return PAGES[str(request.method)](request, name)  # type: ignore[no-any-return]


urlpatterns = [
    path("led/<name>/", led),
    path("show/<name>/", show),
    path("looks/", looks),
    path("parts/", parts),
    path("cart/", cart),
    path("let_in/", let_in),
    path("aside/", aside),
    path("later/", later),
    path("shared/", shared),
    path("declares/", cached_page(600, params=["unhurried"], audience="user")(declares)),
    path("unhurried/", include("unhurried.urls")),
    path("writes/", writes),
    path("puts_off/<how>/", puts_off),
    path("kept_off/<how>/", cached_page(600, audience="user")(puts_off)),
    path("kept/<name>/", kept),
    path("mine/<name>/", mine),
]


def templates(settings: Any) -> list[dict[str, Any]]:
    """The setting TEMPLATES, with the ones above and no others."""
    given = settings.TEMPLATES[0]
    options = {**given["OPTIONS"], "loaders": LOADERS}
    return [{**given, "APP_DIRS": False, "OPTIONS": options}]


class Innermost:
    """Begins what the package's own middleware begins."""

    def __init__(self, get_response: Any) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        begin(request)
        return self.get_response(request)
