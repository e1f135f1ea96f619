"""What is kept: values of one row, and a page of 20 KB made of ten tables."""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.template import engines

from .models import PARTS
from .setup import current

SLOW = 1.0  # seconds that the slow value takes once it has asked: all who come, come meanwhile
PAGE = (
    "<!doctype html><title>{{ number }}</title><ul>{% for row in rows %}"
    "<li>{{ row.pk }} <b>{{ row.name }}</b> {{ row.name|upper }}</li>"
    "{% endfor %}</ul>"
)


@cache
def kept(name: str) -> Any:
    """One of the functions below as this process's tool keeps it."""
    tool, function = current[0], globals()[name]
    return tool.wrap(function) if tool.keeps == "values" else function


def value(pk: int) -> str:
    return PARTS[0].objects.get(pk=pk).name


def slow(pk: int) -> str:
    """Leaves a byte in a file for each time that it is computed."""
    found = value(pk)
    folder = Path(connection.settings_dict["NAME"]).parent
    log = os.open(folder / "computed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(log, b".")
    os.close(log)
    time.sleep(SLOW)
    return found


def body(number: int) -> str:
    """Ten tables are asked; no two numbers ask the same."""
    rows = [row for model in PARTS for row in model.objects.filter(pk__gt=-number)]
    return _template().render({"number": number, "rows": rows})


@cache
def _template() -> Any:
    return engines["django"].from_string(PAGE)


def value_page(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(kept("value")(pk))


def slow_page(request: HttpRequest, pk: int) -> HttpResponse:
    return HttpResponse(kept("slow")(pk))


def page(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(kept("body")(number))


def plain(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(body(number))


def hello(request: HttpRequest) -> HttpResponse:
    """What must not reach anybody else."""
    return HttpResponse(f"Hello, {request.user.get_username() or 'stranger'}")
