"""A site whose pages are for all, but for pieces of them, in every composition."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils import translation
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language
from django.views.decorators.gzip import gzip_page
from jinja2 import DictLoader, Environment

from tests.books.models import Book
from unhurried.cache import cached, cached_page, fragment

#: How often each view and fragment has run.
ran: Counter[str] = Counter()
#: What a test has told them to do.
told: dict[str, Any] = {}


@fragment("hello", audience="user")
def hello(request: HttpRequest, size: int = 32) -> Any:
    ran["hello"] += 1
    return "hello.html", {"size": size}


@fragment("bold", audience="user")
def bold(request: HttpRequest) -> Any:
    return format_html('<b class="x">{} & ü</b>', request.user.username)


@fragment("kept-hello", audience="user", ttl=600)
def kept_hello(request: HttpRequest) -> Any:
    ran["kept-hello"] += 1
    return format_html("<b>{}</b>", request.user.username)


@fragment("basket", audience="session")
def basket(request: HttpRequest) -> Any:
    ran["basket"] += 1
    return str(request.session.get("basket", 0))


@fragment("books", ttl=600)
def books(request: HttpRequest, most: int = 10) -> Any:
    ran["books"] += 1
    return ", ".join(Book.objects.order_by("pk").values_list("title", flat=True)[:most])


@fragment("staff-only", permission=lambda request: request.user.is_staff)
def staff_only(request: HttpRequest) -> Any:
    ran["staff-only"] += 1
    return mark_safe("<a>admin</a>")


@fragment("partial", audience="user")
def partial(request: HttpRequest) -> Any:
    return "partials.html#name", {}


@fragment("typed")
def typed(
    request: HttpRequest,
    text: str,
    number: float = 0.5,
    price: Decimal | None = None,
    on: bool = False,
    id: UUID | None = None,
) -> Any:
    return f"{text!r} {number!r} {price!r} {on!r} {id!r}"


@fragment("weak", fallback="<i>soon</i>")
def weak(request: HttpRequest) -> Any:
    if "weak" in told:
        raise RuntimeError("weak")
    return "strong"


@fragment("broken", audience="user")
def broken(request: HttpRequest) -> Any:
    if "broken" in told:
        raise RuntimeError("broken")
    return "whole"


@fragment("long", audience="user")
def long(request: HttpRequest, text: str) -> Any:
    return f"{request.user.username}: {len(text)}"


@fragment("long-and-lazy", lazy=True)
def long_and_lazy(request: HttpRequest, text: str) -> Any:
    return str(len(text))


@fragment("tongue", audience="user")
def tongue(request: HttpRequest) -> Any:
    return f"{get_language()} {get_current_timezone_name()}"


@fragment("kept-tongue", audience="user", ttl=600)
def kept_tongue(request: HttpRequest) -> Any:
    return f"{get_language()} {get_current_timezone_name()}"


@fragment("endless")
def endless(request: HttpRequest) -> Any:
    return "endless.html", {}


@fragment("nesting", audience="user")
def nesting(request: HttpRequest) -> Any:
    return "nesting.html", {"by": "auto"}


@fragment("sneaky", ttl=600)
def sneaky(request: HttpRequest) -> Any:
    """Says it is for all, and is not."""
    ran["sneaky"] += 1
    return request.user.username


@fragment("slow-one", lazy=True, fallback="<p>…</p>")
def slow_one(request: HttpRequest) -> Any:
    return mark_safe("<p>slow</p>")


TEMPLATES = {
    "hello.html": "{% if user.is_authenticated %}Hello, {{ user.username }} ({{ size }})"
    "{% else %}Log in{% endif %}",
    "partials.html": "<p>{% partialdef name %}<i>{{ user.username }}</i>{% endpartialdef %}</p>",
    "endless.html": '{% load unhurried %}{% fragment "endless" %}',
    "nesting.html": '{% load unhurried %}[{{ user.username }}: {% fragment "hello" by=by %}]',
    "page.html": '{% load unhurried %}<h1>Books</h1><div>{% fragment "hello" size=16 by=by %}</div>'
    '<ul>{% for book in books %}<li>{{ book.title }}</li>{% endfor %}</ul><p>{% fragment "basket" '
    "by=by %}</p>",
    "many.html": "{% load unhurried %}{% for n in '12345'|make_list %}"
    '{% fragment "kept-hello" by=by %}-{% fragment "books" by=by %};{% endfor %}',
    "phased.html": "{% load unhurried %}<p>{% phased with user %}{% if user.is_authenticated %}"
    "Hi {{ user.username }}{{ book }}{% else %}Hi you{% endif %}{% endphased %}</p>"
    "{{ book.title }}{% phased with user pk=book.pk %}{{ user.username }}:{{ pk }}{% endphased %}",
    "inner.html": "{% load unhurried %}{% cached 600 'inner' %}<i>{% fragment 'hello' by=by %}"
    "{% phased with user %}{{ user.username }}{% endphased %}</i>{% endcached %}",
    "form.html": "<form>{% csrf_token %}<b>{{ csrf_token }}</b></form>",
    "base.html": "{% for each in messages %}<li>{{ each }}</li>{% endfor %}{{ books|length }}",
    "upper.html": '{% load unhurried %}{% filter upper %}a{% fragment "hello" by="phased" %}'
    "{% endfilter %}",
    "cut.html": '{% load unhurried %}{% filter slice:":20" %}{% fragment "hello" by="phased" %}'
    "{% endfilter %}",
    "any.html": "{% load unhurried %}{% fragment name by=by %}",
    "escaped.html": '{% load unhurried %}{% filter force_escape %}{% fragment "bold" by=by %}'
    "<b>{% endfilter %}{% filter escapejs %}{% fragment 'bold' by=by %}{% endfilter %}",
    "bold.html": '{% load unhurried %}{% fragment "bold" %}',
    "typed.html": '{% load unhurried %}{% fragment "typed" text=text number=2 price=price on=True '
    "id=id by=by %}",
    "instance.html": "{% load unhurried %}{% phased with book %}{{ book.title }}{% endphased %}",
    "spoken.html": "{% load unhurried %}<p>{% phased with messages %}{% for each in messages %}"
    "{{ each }}{% endfor %}{% endphased %}</p>{{ books|length }}",
    "kept-inside.html": "{% load unhurried %}{% cached 600 'kept inside' %}"
    '{% fragment "kept-hello" by="inline" %}{% endcached %}',
    "in-phases.html": '{% load unhurried %}{% fragment "hello" by="phased" %}',
    "in-a-block.html": "{% load unhurried %}{% phased with user %}Hello, {{ user.username }} (32)"
    "{% endphased %}",
    "in-a-part.html": '{% load unhurried %}{% cached 600 "inside" %}{% fragment "hello" %}'
    "{% endcached %}",
    "in-a-block-of-a-part.html": "{% load unhurried %}{% cached 600 'within' %}"
    "{% phased with user %}Hello, {{ user.username }} (32){% endphased %}{% endcached %}",
    "weak.html": '{% load unhurried %}{% fragment "weak" %}',
    "weak-part.html": "{% load unhurried %}{% cached 600 'weak part' %}{% fragment 'weak' %}"
    "{% endcached %}",
    "weak-page.html": '{% load unhurried %}{% fragment "weak" %} {{ books|length }}',
    "abroad.html": "{% load unhurried i18n tz %}"
    "{% language 'de' %}{% timezone 'Asia/Tokyo' %}{% include inner %}{% endtimezone %}"
    "{% endlanguage %};{% include inner %}",
    "tongues.html": "{% load unhurried i18n tz %}{% fragment 'tongue' by=by %}|"
    "{% fragment 'kept-tongue' by=by %}|{% phased %}{% get_current_language as language %}"
    "{% get_current_timezone as zone %}{{ language }} {{ zone }}{% endphased %}",
    "tongues-part.html": "{% load unhurried i18n %}{% cached 600 'tongues' %}"
    "{% include 'tongues.html' %}{% language 'de' %}{% fragment 'tongue' by=by %}"
    "{% endlanguage %}{% endcached %}",
    "long.html": "{% load unhurried i18n %}{% fragment name text=typed by=by %};"
    "{% language 'de' %}{% fragment name text=typed by=by %}{% endlanguage %}",
    "function.html": '{% load unhurried %}{% fragment "hello" %}',
    "injected.html": '{% load unhurried %}{{ typed|safe }}{% fragment "hello" by=by %}',
}


def view(template: str, **context: Any) -> Any:
    """A page of a template; ``by`` comes from the test."""

    def page(request: HttpRequest, by: str = "auto", **more: Any) -> HttpResponse:
        ran[template] += 1
        found = {"books": Book.objects.order_by("pk"), "book": Book.objects.first(), "by": by}
        return render(request, template, {**found, **context, **told, **more})

    page.__name__ = page.__qualname__ = template.partition(".")[0]
    return page


def environment(**options: Any) -> Any:
    """Jinja2's, with a template of its own."""
    found = Environment(**options)
    found.loader = DictLoader({"jinja.html": '<p>{{ fragment("hello", size=8) }}</p>'})
    return found


def of_jinja(request: HttpRequest) -> HttpResponse:
    return render(request, "jinja.html", using="jinja2")


def as_json(request: HttpRequest) -> JsonResponse:
    html = render_to_string("bold.html", {}, request)
    return JsonResponse({"html": html, "quoted": [f'"{html}"']})


def script(request: HttpRequest) -> HttpResponse:
    nonce = getattr(request, "csp_nonce", None) or request._csp_nonce
    return HttpResponse(format_html('<script nonce="{}"></script>', nonce))


@gzip_page
def zipped(request: HttpRequest) -> HttpResponse:
    return HttpResponse("x" * 500 + render_to_string("function.html", {}, request))


def spelled(request: HttpRequest) -> HttpResponse:
    return render(request, "function.html", content_type="text/html; charset=utf-16")


async def avatar(request: HttpRequest) -> HttpResponse:
    ran["avatar"] += 1
    return TemplateResponse(request, "page.html", {"books": [], "by": "auto"})


def abroad(request: HttpRequest, by: str) -> HttpResponse:
    with translation.override("de"):
        return render(request, "tongues.html", {"by": by})


def say(request: HttpRequest) -> HttpResponse:
    messages.success(request, f"Saved for {request.user.username}")
    return redirect("/base/")


@cached(600)
def of_nobody(template: str) -> str:
    ran["of_nobody"] += 1
    return render_to_string(template, {}, told["request"])


def function(request: HttpRequest) -> HttpResponse:
    told["request"] = request
    return HttpResponse(of_nobody(str(told.get("template", "function.html"))))


def stream(request: HttpRequest) -> StreamingHttpResponse:
    def chunks() -> Any:
        yield render(request, "function.html").content

    return StreamingHttpResponse(chunks())


keep = cached_page(600)
NAMES = [
    *"page many phased inner form base spoken".split(),
    *"long upper cut escaped any typed instance injected".split(),
]
PAGES = {name: keep(view(f"{name}.html")) for name in NAMES}
urlpatterns = [
    *(path(f"{name}/", page) for name, page in PAGES.items()),
    *(path(f"{name}/<str:by>/", page) for name, page in PAGES.items()),
    *(path(f"bare/{name}/", view(f"{name}.html")) for name in NAMES),
    *(path(f"bare/{name}/<str:by>/", view(f"{name}.html")) for name in NAMES),
    path("any/<str:by>/<str:name>/", PAGES["any"]),
    path("bare/any/<str:by>/<str:name>/", view("any.html")),
    path("later/", keep(lambda request: TemplateResponse(request, "page.html", {"by": "auto"}))),
    path("async/", keep(avatar)),
    path("say/", say),
    path("json/", keep(as_json)),
    path("bare/json/", as_json),
    path("zipped/", keep(zipped)),
    path("bare/part/", view("kept-inside.html")),
    path("bare/weak-part/", view("weak-part.html")),
    path("abroad/<str:by>/", keep(abroad)),
    path("tongues/<str:by>/", keep(view("abroad.html", inner="tongues.html"))),
    path("tongues-part/<str:by>/", keep(view("abroad.html", inner="tongues-part.html"))),
    path("weak-page/", keep(view("weak-page.html"))),
    path("script/", keep(script)),
    path("spelled/", keep(spelled)),
    path("members/", login_required(keep(view("function.html")))),
    path("jinja/", keep(of_jinja)),
    path("function/", function),
    path("kept-function/", keep(function)),
    path("stream/", stream),
    path("unhurried/", include("unhurried.urls")),
]

SETTINGS: dict[str, Any] = {
    "ROOT_URLCONF": __name__,
    "DEBUG": False,
    "TEMPLATES": [
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [
                            ("django.template.loaders.locmem.Loader", TEMPLATES),
                            "django.template.loaders.app_directories.Loader",
                        ],
                    )
                ],
                "context_processors": [
                    "django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages",
                ],
            },
        }
    ],
}
