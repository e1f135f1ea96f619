"""A page with five personal pieces: each composition beside the page itself, and `Vary: Cookie`.

    .venvs/dev-3.11/bin/python benchmarks/fragments.py --seconds 2

Method: one page of a hundred books with their authors, as people write it (a query for each
author), and five pieces that are another for each reader; SQLite, sessions and logins, Django's
handler called in process. What is judged is the process' CPU for a request of somebody who is
logged in, ours and the uncached page in alternating blocks; A/A is the uncached page with itself.
"At the edge" and "in the browser" count the page and the five requests that follow. The hit ratios
are those of 200 visitors with three visits each, half of them logged in; "made" is how often the
view has run for them. Without `vary_on_cookie`, `cache_page` shows the first reader's page to all
of them.
"""

from __future__ import annotations

import argparse
import random
import re
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[1])]

import django  # noqa: E402
from django.conf import settings  # noqa: E402

FOLDER = Path(tempfile.mkdtemp(prefix="unhurried-fragments-"))
PIECES = ("hello", "basket", "plan", "seen", "staff")
PAGE = (
    "{% load unhurried %}<h1>Books</h1>"
    + "".join(f'<p>{{% fragment "{name}" by=by %}}</p>' for name in PIECES)
    + "{% for book in books %}<li>{{ book.title }} by {{ book.author.name }}</li>{% endfor %}"
)
EDGE = "ESI/1.0"
settings.configure(
    SECRET_KEY="benchmark",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    DATABASES={
        "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(FOLDER / "db.sqlite3")}
    },
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "unhurried",
        "tests.books",
    ],
    MIDDLEWARE=[
        "unhurried.middleware.UnhurriedMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[
        {
            "BACKEND": "django.template.backends.django.DjangoTemplates",
            "OPTIONS": {
                "loaders": [
                    (
                        "django.template.loaders.cached.Loader",
                        [("django.template.loaders.locmem.Loader", {"page.html": PAGE})],
                    )
                ]
            },
        }
    ],
    UNHURRIED={"STORE": FOLDER / "store", "SURROGATES": ["127.0.0.1"], "BADGE": False},
    USE_TZ=True,
)
django.setup()

from django.contrib.auth import login  # noqa: E402
from django.contrib.auth.models import AnonymousUser, User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.handlers.wsgi import WSGIHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.shortcuts import render  # noqa: E402
from django.test import RequestFactory  # noqa: E402
from django.urls import include, path  # noqa: E402
from django.utils.html import format_html  # noqa: E402
from django.views.decorators.cache import cache_page  # noqa: E402
from django.views.decorators.vary import vary_on_cookie  # noqa: E402

from tests.books.models import Author, Book  # noqa: E402
from unhurried.cache import cached_page, fragment  # noqa: E402

made: Counter[str] = Counter()


@fragment("hello", audience="user")
def hello(request: HttpRequest) -> Any:
    return format_html("Hello, {}", request.user.username or "you")


@fragment("basket", audience="session")
def basket(request: HttpRequest) -> Any:
    return str(request.session.get("basket", 0))


@fragment("plan", audience="user")
def plan(request: HttpRequest) -> Any:
    return "member" if request.user.is_authenticated else "visitor"


@fragment("seen", audience="session")
def seen(request: HttpRequest) -> Any:
    return str(request.session.get("seen", "nothing"))


@fragment("staff", permission=lambda request: request.user.is_staff)
def staff(request: HttpRequest) -> Any:
    return "staff"


def page(name: str, by: str, keep: Callable[[Any], Any] = lambda view: view) -> Any:
    def view(request: HttpRequest) -> HttpResponse:
        made[name] += 1
        return render(request, "page.html", {"books": Book.objects.all()[:100], "by": by})

    view.__qualname__ = name
    return path(f"{name}/", keep(view))


ours = cached_page(600)
urlpatterns = [
    page("uncached", "inline"),
    page("again", "inline"),
    page("phased", "phased", ours),
    page("edge", "esi", ours),
    page("browser", "client", ours),
    page("mine", "inline", cached_page(600, audience="user", vary=("session",))),
    page("vary", "inline", lambda view: cache_page(600)(vary_on_cookie(view))),
    path("unhurried/", include("unhurried.urls")),
]
handler = WSGIHandler()


def get(where: str, session: str = "", **more: str) -> tuple[dict[str, str], bytes]:
    headers: dict[str, str] = {}
    where, _, query = where.partition("?")
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": where,
        "QUERY_STRING": query,
        "SERVER_NAME": "shop.example",
        "SERVER_PORT": "80",
        "REMOTE_ADDR": "127.0.0.1",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        **({"HTTP_COOKIE": f"sessionid={session}"} if session else {}),
        **more,
    }
    response = handler(environ, lambda status, found: headers.update(found))
    body = b"".join(response)
    response.close()
    return headers, body


def session_of(user: User | None) -> str:
    request = RequestFactory().get("/")
    request.session = SessionStore()
    request.user = AnonymousUser()
    if user is not None:
        login(request, user, "django.contrib.auth.backends.ModelBackend")
    request.session["basket"] = 1
    request.session.save()
    return str(request.session.session_key)


def whole(name: str, session: str) -> None:
    """The page, and what an edge or a browser asks for besides."""
    more = {"HTTP_SURROGATE_CAPABILITY": f'edge="{EDGE}"'} if name == "edge" else {}
    _, body = get(f"/{name}/", session, **more)
    if name in ("edge", "browser"):
        attribute = (
            rb'<esi:include src="([^"]+)"' if name == "edge" else rb'-fragment src="([^"]+)"'
        )
        pieces = re.findall(attribute, body)
        assert len(pieces) == len(PIECES), body
        for each in pieces:
            get(each.decode(), session, **more)


def cpu(name: str, session: str, seconds: float) -> float:
    """Milliseconds of CPU per request."""
    count, began, end = 0, time.process_time(), time.perf_counter() + seconds
    while time.perf_counter() < end:
        whole(name, session)
        count += 1
    return (time.process_time() - began) / count * 1e3


def compared(name: str, session: str, seconds: float) -> tuple[float, float]:
    """(ms, ratio to the uncached page): the medians of nine pairs of blocks."""
    whole(name, session)
    whole(name, session)
    pairs = []
    for _ in range(9):
        pair = ["uncached", name]
        random.shuffle(pair)
        pairs.append({each: cpu(each, session, seconds / 18) for each in pair})
    ratios = [pair[name] / pair["uncached"] for pair in pairs]
    return statistics.median(pair[name] for pair in pairs), statistics.median(ratios)


def hit_ratios(name: str, sessions: list[str]) -> tuple[float, float, int]:
    """Of visitors with a login, and without; and how often the view has run."""
    before, hits, asked = made[name], Counter(), Counter()
    visits = [(n, session) for n, session in enumerate(sessions)] * 3
    random.shuffle(visits)
    for n, session in visits:
        runs = made[name]
        whole(name, session)
        asked[n % 2] += 1
        hits[n % 2] += made[name] == runs
    return hits[0] / asked[0], hits[1] / asked[1], made[name] - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=6.0, help="per row")
    options = parser.parse_args()
    call_command("migrate", verbosity=0, run_syncdb=True)
    for n in range(100):
        Book.objects.create(title=f"{n}", author=Author.objects.create(name=f"author {n}"))
    users = [User.objects.create_user(f"user{n}") for n in range(100)]
    sessions = [session for user in users for session in (session_of(user), "")]
    ann = sessions[0]

    print(f"Python {sys.version.split()[0]}, Django {django.__version__}")
    print(f"{'':28}{'ms CPU':>8}{'/ uncached':>12}{'hits, known':>13}{'strangers':>11}{'made':>7}")
    for name, what in (
        ("again", "uncached, again (A/A)"),
        ("phased", "phased"),
        ("edge", "at the edge, 1 + 5 requests"),
        ("browser", "in the browser, 1 + 5"),
        ("mine", "cached_page for each user"),
        ("vary", "cache_page, Vary: Cookie"),
    ):
        took, ratio = compared(name, ann, options.seconds)
        known, strangers, runs = hit_ratios(name, sessions)
        print(f"{what:28}{took:8.2f}{ratio:12.3f}{known:13.3f}{strangers:11.3f}{runs:7}")


if __name__ == "__main__":
    main()
