"""Who awaits a thread of ``sync_to_async`` is found under our own middleware, too."""

from __future__ import annotations

import sys

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path

from unhurried.queries.reading import frames

seen: list[str] = []


def work() -> None:
    seen.extend(frame.f_code.co_name for frame in frames(sys._getframe()))


async def view(request: HttpRequest) -> HttpResponse:
    await sync_to_async(work)()
    return HttpResponse("")


urlpatterns = [path("", view)]


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("middleware", [[], ["unhurried.middleware.UnhurriedMiddleware"]])
def test_the_view_is_found(middleware, settings, store):
    seen.clear()
    settings.MIDDLEWARE = middleware
    async_to_sync(AsyncClient().get)("/")
    assert "view" in seen
