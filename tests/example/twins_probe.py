"""Run in a process of its own: visits both sides of a site of some size, prints JSON."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from books.forms import FastBookForm, QuickBookForm  # noqa: E402
from books.models import Author, Book  # noqa: E402
from pins.models import Pin, Tag  # noqa: E402

TOKEN = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")[^"]*')
SIN = re.compile(r'<a href="(/[^"]+)"><code>[^<]+</code>(?: <b>(\d+) quer(?:y|ies)</b>)?</a>')
BOOK = {"author": "1", "publisher": "1", "published": "2012-09-05", "pages": "80", "stock": "1"}


def pages() -> Iterator[str]:
    """All pages; of pins, users and tags some that have much, and some that have nothing."""
    yield from ("feed/", "books/", "books/create/", "messages/", "report/")
    for pin in (*range(1, 120, 17), Pin.objects.count(), 0):
        yield f"pin/{pin}/"
    for user in ("jacob", "alone", "nobody", *_names(User.objects.order_by("-pk")[:5])):
        yield f"user/{user}/"
    for tag in ("coffee", "unused", "unheard-of", *_slugs(Tag.objects.all()[:5])):
        yield f"tag/{tag}/"


def _names(users: Any) -> list[str]:
    return [user.username for user in users]


def _slugs(tags: Any) -> list[str]:
    return [tag.slug for tag in tags]


def forms() -> Iterator[tuple[str, dict[str, str]]]:
    """What is sent to the two forms: a new book, one there is, nonsense, and a button."""
    yield "books/create/", BOOK | {"title": "Slow food"}
    yield "books/create/", BOOK | {"title": Book.objects.get(pk=7).title.upper()}
    yield "books/create/", {"title": ""}
    yield "messages/received/", {}


@contextmanager
def undone() -> Iterator[None]:
    """Both sides find the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def visit(client: Client, url: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    with undone(), CaptureQueriesContext(connection) as queries:
        response = client.get(url) if form is None else client.post(url, form)
        number = len(queries)
    body = TOKEN.sub("", response.content.decode())
    seen = {"status": response.status_code, "to": response.headers.get("Location"), "body": body}
    return {"queries": number, "seen": seen}


def compare(client: Client, path: str, form: dict[str, str] | None = None) -> dict[str, Any]:
    """Queries of both sides, their status, and the first line that differs."""
    slow, fixed = (visit(client, f"/{side}/{path}", form) for side in ("slow", "fixed"))
    return {
        "queries": [slow["queries"], fixed["queries"]],
        "status": fixed["seen"]["status"],
        "strayed": "/slow/" in json.dumps(fixed["seen"]),
        "difference": difference(slow["seen"], fixed["seen"]),
    }


def difference(slow: dict[str, Any], fixed: dict[str, Any]) -> list[Any] | None:
    texts = (json.dumps(seen).replace("/fixed/", "/slow/") for seen in (slow, fixed))
    lines = zip_longest(*(text.split("\\n") for text in texts))
    return next(([one, other] for one, other in lines if one != other), None)


def front(client: Client) -> dict[str, int | None]:
    """The links of the front page, with the queries it names."""
    links = SIN.findall(client.get("/").content.decode())
    return {url: int(queries) if queries else None for url, queries in links}


def lists() -> Iterator[list[str]]:
    """The form's long lists by Django and on the kept page: none, one, no such author chosen."""
    with undone():
        hostile = str(Author.objects.create(name='"><b>&').pk)
        for author in (None, hostile, "0"):
            data = author and BOOK | {"author": author}
            for name in ("author", "publisher"):
                yield [str(form(data)[name]) for form in (FastBookForm, QuickBookForm)]


def main(scale: float) -> None:
    call_command("migrate", verbosity=0)
    call_command("seed", scale=scale, verbosity=0)
    User.objects.create(username="alone")
    Tag.objects.create(name="Unused", slug="unused")
    setup_test_environment()
    anonymous, jacob = Client(raise_request_exception=False), Client(raise_request_exception=False)
    jacob.force_login(User.objects.get(username="jacob"))
    answers = {
        "before": front(anonymous),
        "anonymous": {path: compare(anonymous, path) for path in pages()},
        "after": front(anonymous),
        "jacob": {path: compare(jacob, path) for path in pages()},
        "forms": [compare(jacob, path, form) for path, form in forms()],
        "lists": list(lists()),
    }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(float(sys.argv[1]))
