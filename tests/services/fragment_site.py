"""A site for gunicorn behind an edge: one page for all, that greets each.

EDGE_FOLDER has its database; EDGE_PURGES the addresses of what it purges, with commas between.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(os.environ["EDGE_FOLDER"])
PAGE = """{% load unhurried %}<html><body><h1>Books</h1>
<div>{% fragment "hello" size=16 by=by %}</div>
<ul>{% for book in books %}<li>{{ book.title }}</li>{% endfor %}</ul>
<p>{% fragment "basket" by=by %}</p>{{ typed|safe }}</body></html>
"""
HELLO = "{% if user.pk %}Hello, {{ user.username }} ({{ size }}){% else %}Log in{% endif %}"

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
settings.DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "db.sqlite3")}
}
settings.ROOT_URLCONF = __name__
settings.TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.locmem.Loader",
                    {"page.html": PAGE, "hello.html": HELLO},
                )
            ],
            "context_processors": ["django.contrib.auth.context_processors.auth"],
        },
    }
]
settings.UNHURRIED = {
    "STORE": FOLDER / "store",
    "SURROGATES": ["127.0.0.1"],
    "EDGES": [each for each in os.environ["EDGE_PURGES"].split(",") if each],
    "DEADLINE": 2,
}
django.setup()

from django.contrib.auth import login, logout  # noqa: E402 - needs the settings
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from tests.books.models import Author, Book  # noqa: E402
from unhurried.cache import cached_page, fragment  # noqa: E402

EVIL = '<esi:include src="/evil/"/><!--#include virtual="/evil/" -->'
hits: Counter[str] = Counter()


@fragment("hello", audience="user")
def hello(request: HttpRequest, size: int = 32) -> Any:
    hits["hello"] += 1
    return "hello.html", {"size": size}


@fragment("basket", audience="session")
def basket(request: HttpRequest) -> Any:
    return str(request.session.get("basket", 0))


def books(request: HttpRequest, by: str) -> HttpResponse:
    hits["page"] += 1
    found = Book.objects.order_by("pk")
    return render(request, "page.html", {"books": found, "by": by, "typed": EVIL})


def evil(request: HttpRequest) -> HttpResponse:
    hits["evil"] += 1
    return HttpResponse("EVIL")


def enter(request: HttpRequest, name: str) -> HttpResponse:
    user, _ = User.objects.get_or_create(username=name)
    login(request, user, "django.contrib.auth.backends.ModelBackend")
    request.session["basket"] = len(name)
    return HttpResponse(name)


def leave(request: HttpRequest) -> HttpResponse:
    logout(request)
    return HttpResponse("out")


@csrf_exempt
def write(request: HttpRequest, title: str) -> HttpResponse:
    Book.objects.create(title=title, author=Author.objects.get_or_create(name="Jacob")[0])
    return HttpResponse("written")


urlpatterns = [
    path("page/<str:by>/", cached_page(600)(books)),
    path("bare/<str:by>/", books),
    path("evil/", evil),
    path("login/<str:name>/", enter),
    path("logout/", leave),
    path("write/<str:title>/", write),
    path("hits/", lambda request: JsonResponse(hits)),
    path("unhurried/", include("unhurried.urls")),
]

call_command("migrate", verbosity=0, run_syncdb=True)
application = get_wsgi_application()
