"""Who awaits a thread of ``sync_to_async`` is found under our own middleware, too."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import pytest
from asgiref.sync import async_to_sync, sync_to_async
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient
from django.urls import path

from unhurried.queries._find import _awaits
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


def test_nothing_is_collected_while_another_threads_chain_is_walked(monkeypatch) -> None:
    """Python 3.11 makes a frame's object when it is asked for; what is collected runs the loop."""

    def looked(task: Any) -> Iterator[FrameType]:
        collects.append(gc.isenabled())
        return chain(task)

    collects: list[bool] = []
    chain = _awaits._chain
    monkeypatch.setattr(_awaits, "_chain", looked)
    async_to_sync(sync_to_async(work))()
    assert set(collects) == {sys.version_info >= (3, 12)}
    assert gc.isenabled()
