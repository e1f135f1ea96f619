"""A site of twenty tables with one row each, cached in both ways: who writes one touches no other.

``ROWS_SETTINGS`` is a file of Django's settings as JSON (see ``rows``); ``application`` is for a
server. Each computation leaves a byte in a file of its row, so that all processes count together.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings

if not settings.configured:
    settings.configure(**json.loads(Path(os.environ["ROWS_SETTINGS"]).read_text()))
    django.setup()

from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.urls import path

from tests.services.rows import ROWS, WORK
from unhurried.cache import WriteRefused, cached, cached_page

FOLDER = Path(os.environ["ROWS_SETTINGS"]).parent


def model(number: int) -> Any:
    meta = type("Meta", (), {"app_label": "races", "db_table": f"rows_{number}"})
    fields = {"value": models.IntegerField(default=0), "__module__": __name__, "Meta": meta}
    return type(f"Row{number}", (models.Model,), fields)


MODELS = [model(number) for number in range(ROWS)]


def prepare() -> None:
    with connection.schema_editor() as editor:
        for each in MODELS:
            editor.create_model(each)
    for each in MODELS:
        each.objects.create(pk=1)
    call_command("createcachetable", verbosity=0)


def value_of(number: int) -> int:
    value: int = MODELS[number].objects.get(pk=1).value
    with (FOLDER / f"computed-{number}").open("ab") as file:
        file.write(b".")
    return value


@cached(600, on_change="wait")
def kept(number: int) -> int:
    return value_of(number)


@cached_page(600)
def page(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(value_of(number))


def work(request: HttpRequest, number: int) -> HttpResponse:
    value = value_of(number)
    time.sleep(WORK)
    return HttpResponse(value)


@cached_page(600, on_change="wait")
def waiting(request: HttpRequest, number: int) -> HttpResponse:
    return work(request, number)


@cached_page(600)
def refreshing(request: HttpRequest, number: int) -> HttpResponse:
    return work(request, number)


def set_value(number: int, value: int) -> None:
    """Every other one in a transaction."""
    rows = MODELS[number].objects.filter(pk=1)
    if number % 2:
        rows.update(value=value)
        return
    with transaction.atomic():
        rows.update(value=value)


def write(request: HttpRequest, number: int, value: int) -> HttpResponse:
    try:
        set_value(number, value)
    except WriteRefused as error:
        return HttpResponse(str(error), status=409)
    return HttpResponse("written")


if os.environ.get("ROWS_STRICT"):  # of a process: one function that is strict refuses for all
    strict = cached(600, strict=True)(value_of)

urlpatterns = [
    path("row/<int:number>/", page),
    path("wait/<int:number>/", waiting),
    path("refresh/<int:number>/", refreshing),
    path("write/<int:number>/<int:value>/", write),
    path("up/", lambda request: HttpResponse("up")),
]
site = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    with (FOLDER / f"served-{os.getpid()}").open("ab") as file:
        file.write(b".")
    return site(environ, start_response)
