"""The site, warm before it is visited. ``X-Served``: milliseconds from call to answer, in WSGI."""

import os
import time
from collections.abc import Callable, Iterable
from typing import Any

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.template.loader import get_template
from django.test import Client, override_settings
from django.urls import reverse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "planted.settings")
site = get_wsgi_application()

TEMPLATES = (
    *("pins/feed.html", "pins/fixed/tag.html", "pins/fast/pin.html", "inbox/messages.html"),
    *("books/book_list.html", "accounts/fixed/user.html", "planted/table.html", "kept.html"),
)


def warm() -> None:
    """What a worker does once, in its first seconds, is not what this bench is about."""
    reverse("front")
    for name in TEMPLATES:
        get_template(name)
    connection.ensure_connection()
    connection.close()
    if paths := os.environ.get("FAULTS_WARM", "").split():
        visit(paths, os.environ["FAULTS_COOKIE"])


def visit(paths: list[str], cookie: str) -> None:
    """Twice, and measured elsewhere."""
    client = Client(headers={"cookie": cookie, "host": "127.0.0.1"})
    elsewhere = {**settings.UNHURRIED, "STORE": settings.DATA / f"warm-{os.getpid()}"}
    with override_settings(UNHURRIED=elsewhere):
        for path in paths * 2:
            assert client.get(path).status_code == 200, path


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    began = time.perf_counter()

    def started(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        took = 1000 * (time.perf_counter() - began)
        return start_response(status, [*headers, ("X-Served", f"{took:.3f}")], *error)

    return site(environ, started)


warm()
