"""Slides 33 to 36: "Hang on, this might take a while…"."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from unhurried.later import hang_on, progress
from unhurried.later._thread import close_all
from unhurried.later.reading import drain_now, paused

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls(__name__)]
PAGE = {"Accept": "text/html"}
POLL = {"Accept": "application/json", "X-Unhurried-Poll": "1"}
may_end = Event()


@hang_on(after=0.1)
def report(request: HttpRequest) -> HttpResponse:
    progress(1, 4, "Reading")
    assert may_end.wait(20)
    return HttpResponse("the report")


urlpatterns = [path("report/", report)]


def work_off() -> None:
    """What another process would do."""
    try:
        drain_now()
    finally:
        close_all()


def test_33_hang_on_this_might_take_a_while(client: Client) -> None:
    may_end.clear()
    with paused(), ThreadPoolExecutor(1) as another:
        answer = client.get("/report/", headers=PAGE)
        assert answer.status_code == 202
        assert "Hang on, this might take a while" in answer.content.decode()
        done = another.submit(work_off)
        told: dict[str, Any] = {"percent": None}
        deadline = time.monotonic() + 15
        while told["percent"] is None and time.monotonic() < deadline:
            told = client.get("/report/", headers=POLL).json()
            time.sleep(0.05)
        assert (told["percent"], told["message"], told["estimate"]) == (25, "Reading", False)
        may_end.set()
        done.result(20)
        drain_now()  # who looked before it had begun has asked again: no thread is to, afterwards
    assert client.get("/report/", headers=POLL).status_code == 204
    assert client.get("/report/", headers=PAGE).content == b"the report"
