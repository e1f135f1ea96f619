"""The site that is measured: four pages on SQLite, with startproject's middleware."""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path

PAGES = {"empty": "/empty/", "1 query": "/q/1/", "20 queries": "/q/20/", "20 includes": "/page/"}
DEFAULT_MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROW = "<li>{{ row.name }} {% if row.even %}even{% else %}odd{% endif %}</li>"
PAGE = "<html><body><ul>{% for row in rows %}{% include item %}{% endfor %}</ul></body></html>"


def configure(*apps: str, middleware: tuple[str, ...] = (), **more: Any) -> None:
    """Set Django up once per process, in a folder of its own (memory-backed where there is one)."""
    shm = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(prefix="unhurried-bench-", dir=shm if shm.exists() else None))
    settings.configure(
        SECRET_KEY="bench",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            *apps,
        ],
        MIDDLEWARE=[*middleware, *DEFAULT_MIDDLEWARE],
        DATABASES={
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": folder / "bench.sqlite3"}
        },
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        UNHURRIED={"STORE": folder / "store"},
        LOGGING_CONFIG=None,
        **more,
    )
    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User

    User.objects.create(username="bench")


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("empty")


def queries(request: HttpRequest, n: int) -> HttpResponse:
    from django.contrib.auth.models import User

    for _ in range(n):
        User.objects.get(pk=1)
    return HttpResponse("done")


def page(request: HttpRequest) -> HttpResponse:
    engine = engines["django"]
    if not hasattr(engine, "bench"):
        engine.bench = engine.from_string(PAGE), engine.from_string(ROW).template
    template, item = engine.bench
    rows = [{"name": f"row {i}", "even": i % 2 == 0} for i in range(20)]
    return HttpResponse(template.render({"rows": rows, "item": item}))


def statements(request: HttpRequest, n: int) -> HttpResponse:
    """Without the ORM, whose time between two of them is hard to take away to a microsecond."""
    from django.db import connection

    with connection.cursor() as cursor:
        for _ in range(n):
            cursor.execute("SELECT 1")
            cursor.fetchone()
    return HttpResponse("statements")


def each(request: HttpRequest, n: int) -> HttpResponse:
    """Statements of which none repeats another."""
    from django.db import connection

    with connection.cursor() as cursor:
        for i in range(n):
            cursor.execute(f"SELECT 1 AS number_{i}")
            cursor.fetchone()
    return HttpResponse("each")


urlpatterns = [
    *(path("empty/", empty), path("q/<int:n>/", queries), path("page/", page)),
    *(path("statements/<int:n>/", statements), path("each/<int:n>/", each)),
]


def environ(url: str) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": url,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "",
        "SERVER_NAME": "bench",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "bench",
        "HTTP_USER_AGENT": "bench",
        "HTTP_ACCEPT": "*/*",
        "HTTP_X_REQUEST_START": "t=1700000000.1",
        "wsgi.input": io.BytesIO(b""),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def call(application: Callable[..., Any], url: str) -> None:
    """One whole request, as a server does it: to the last byte and close()."""
    status: list[str] = []

    def start_response(line: str, headers: Any, exc_info: Any = None) -> None:
        status.append(line)

    body: Iterator[bytes] = application(environ(url), start_response)
    try:
        for _ in body:
            pass
    finally:
        getattr(body, "close", lambda: None)()
    assert status[0].startswith("200"), f"{url} answered {status[0]}"
