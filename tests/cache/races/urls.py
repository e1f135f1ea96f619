"""Views of a site with ATOMIC_REQUESTS; the scenario says what is kept, and where to stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, JsonResponse
from django.urls import path

from .models import Book

kept: Callable[[], Any]
stop: Callable[[], None]


def read(request: HttpRequest) -> JsonResponse:
    return JsonResponse(kept(), safe=False)  # noqa: F821 - given by the scenario


def write(request: HttpRequest) -> JsonResponse:
    Book.objects.filter(title="first").update(title="renamed")
    response = read(request)
    stop()  # noqa: F821 - given by the scenario
    return response


def fail(request: HttpRequest) -> JsonResponse:
    raise ValueError(write(request))


urlpatterns = [path("read/", read), path("write/", write), path("fail/", fail)]
