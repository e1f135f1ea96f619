"""A site for gunicorn behind an edge. Its views set the headers of edges by hand: no fragments.

EDGE_FOLDER has its database; EDGE_PURGES the addresses of what it purges, with commas between.
``/hits/`` says how often each of the others was made.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(os.environ["EDGE_FOLDER"])

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "db.sqlite3")}
settings.DATABASES = {"default": database}
settings.ROOT_URLCONF = __name__
settings.UNHURRIED = {
    "STORE": FOLDER / "store",
    "SURROGATES": ["127.0.0.1"],
    "EDGES": [each for each in os.environ["EDGE_PURGES"].split(",") if each],
    "DEADLINE": 2,
}
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - needs the settings
from django.db import connection  # noqa: E402
from django.http import HttpRequest, HttpResponse, JsonResponse  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils.cache import patch_vary_headers  # noqa: E402
from django.views.decorators.csrf import csrf_exempt  # noqa: E402

from tests.books.models import Author, Book  # noqa: E402
from unhurried.cache._edges._neutral import neutral  # noqa: E402
from unhurried.cache._edges._surrogate_keys import label  # noqa: E402
from unhurried.cache._edges._trust import capability  # noqa: E402

TAGS = ["default:books_book"]
INCLUDES = {
    "esi": '<esi:include src="{}"/>',
    "ssi": '<!--#include virtual="{}" -->',
    "": "[{}]",
}
EVIL = '<esi:include src="//127.0.0.1/evil/"/><!--#include virtual="/evil/" -->'

hits: Counter[str] = Counter()


def counted(name: str) -> int:
    hits[name] += 1
    return hits[name]


def page(request: HttpRequest, seconds: int = 60) -> HttpResponse:
    """For everybody."""
    made = counted("page")
    response = HttpResponse(f"<p>{Book.objects.count()} books, made {made}</p>")
    label(response, TAGS, seconds)
    return response


def held(request: HttpRequest) -> HttpResponse:
    """For everybody; once it has read, it waits until it is let go."""
    counted("held")
    body = f"<p>{Book.objects.count()} books</p>"
    deadline = time.monotonic() + 20
    while (FOLDER / "hold").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    response = HttpResponse(body)
    label(response, TAGS, 60)
    return response


def whole(request: HttpRequest, kind: str) -> HttpResponse:
    """For everybody, with one person's piece in it, as the edge can have it."""
    made, can = counted(f"whole-{kind}"), capability(request.META)
    inside = INCLUDES[can].format("/piece/")
    bodies = {
        "html": f"<p>made {made}: {inside}</p>",
        "json": f'{{"made": {made}, "x": "{inside}"}}',
    }
    kinds = {"html": "text/html", "json": "application/json"}
    response = HttpResponse(bodies[kind], content_type=kinds[kind])
    response["ETag"] = '"whole"'
    response.unhurried_includes = True  # type: ignore[attr-defined] # written by hand, and meant
    if can == "esi":
        response["Surrogate-Control"] = 'content="ESI/1.0"'
        label(response, TAGS, 60)
    return response


def piece(request: HttpRequest) -> HttpResponse:
    counted("piece")
    return HttpResponse(f"hello {request.COOKIES.get('who', 'nobody')}")


def private(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<p>{request.COOKIES.get('who')}, made {counted('private')}</p>")


def evil(request: HttpRequest) -> HttpResponse:
    counted("evil")
    return HttpResponse("<p>EVIL</p>")


def typed(request: HttpRequest, how: str) -> HttpResponse:
    """What somebody typed, and a template did not escape."""
    body = f"<p>{EVIL}</p>".encode()
    if how == "json":
        body = b'{"comment": "' + EVIL.replace('"', '\\"').encode() + b'"}'
    kind = "application/json" if how == "json" else "text/html"
    made_so = how in ("html", "json")
    response = HttpResponse(neutral(body, kind) if made_so else body, content_type=kind)
    if how == "meant":
        response.unhurried_includes = True  # type: ignore[attr-defined]
    if made_so:
        response["Surrogate-Control"] = 'max-age=60, content="ESI/1.0"'
    return response


def spoken(request: HttpRequest) -> HttpResponse:
    counted("spoken")
    language = request.COOKIES.get("django_language") or request.headers.get("Accept-Language")
    response = HttpResponse(f"<p>{language}</p>")
    patch_vary_headers(response, ["Accept-Language"])
    label(response, TAGS, 60)
    return response


def setting(request: HttpRequest) -> HttpResponse:
    """Labelled by mistake: it sets a cookie."""
    response = HttpResponse(f"<p>made {counted('setting')}</p>")
    response.set_cookie("a", str(hits["setting"]))
    label(response, TAGS, 60)
    return response


def personal(request: HttpRequest) -> HttpResponse:
    """Labelled, and then a middleware has put one person's badge on it."""
    response = HttpResponse(f"<p>made {counted('personal')}</p>")
    label(response, TAGS, 60)
    response["Cache-Control"] = "Private,  no-store"
    return response


def unchanged(request: HttpRequest) -> HttpResponse:
    """For everybody, for a second; says what it was asked with."""
    response = HttpResponse(f"<p>{request.headers.get('If-None-Match')}</p>")
    response["ETag"] = f'"{counted("unchanged")}"'
    label(response, TAGS, 1)
    return response


def seen(request: HttpRequest) -> JsonResponse:
    names = ["HTTP_SURROGATE_CAPABILITY", "HTTP_ACCEPT_ENCODING", "REMOTE_ADDR"]
    found: dict[str, Any] = {name: request.META.get(name) for name in names}
    return JsonResponse({**found, "trusted": capability(request.META)})


@csrf_exempt
def write(request: HttpRequest) -> HttpResponse:
    author, _ = Author.objects.get_or_create(name="x")
    Book.objects.create(title="y", author=author)
    return HttpResponse("written")


def all_hits(request: HttpRequest) -> JsonResponse:
    return JsonResponse(hits)


urlpatterns = [
    path("page/", page),
    path("held/", held),
    path("short/", page, {"seconds": 1}),
    path("whole/<str:kind>/", whole),
    path("piece/", piece),
    path("private/", private),
    path("evil/", evil),
    path("typed/<str:how>/", typed),
    path("spoken/", spoken),
    path("setting/", setting),
    path("personal/", personal),
    path("unchanged/", unchanged),
    path("seen/", seen),
    path("write/", write),
    path("hits/", all_hits),
    path("unhurried/", include("unhurried.urls")),
]

if "books_book" not in connection.introspection.table_names():
    with connection.schema_editor() as editor:
        editor.create_model(Author)
        editor.create_model(Book)
connection.close()
application = get_wsgi_application()
