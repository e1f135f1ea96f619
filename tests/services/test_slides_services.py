"""Slides of the talk that need a server; the others are in tests/test_slides.py."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.services import test_postgres
from tests.services.test_carbon import wait_for
from unhurried import testing
from unhurried.measure import _sampler, measured, snapshot
from unhurried.measure.sinks import _sender
from unhurried.queries import count_queries

postgres = test_postgres.postgres


def test_13_whisper_reads_back_the_middleware_of_slide_12(
    carbon_server: Any, store: Any, settings: Any, monkeypatch: Any
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, "tests.test_slides.SlideMiddleware"]
    monkeypatch.setattr(_sender.Sender, "period", 0.02)
    options = {"host": carbon_server.host, "port": carbon_server.port, "prefix": "talk"}
    with testing.override(STORE=store, SINKS={"graphite": options}):
        client = Client(raise_request_exception=False)
        for address in ("/empty/", "/empty/", "/empty/", "/boom/"):
            client.get(address)
        numbers = snapshot()
        for subscriber in _sampler.every:
            subscriber(numbers)
        expected = {
            "counter.http.ok": 3,
            "counter.http.err": 2,
            "histogram.request.time.count": 4,
            "histogram.request.time.p95": numbers["histograms"]["request.time"]["p95"],
            "request.boom.errors": 1,
        }
        for path, value in expected.items():
            wait_for(carbon_server.folder, f"talk.{path}", value)


def test_44_a_real_wire_and_real_work(postgres: Any) -> None:
    """The database sleeps in one of 21: what it takes to ask the others is the way."""
    postgres.ensure_connection()
    with measured("page"), count_queries() as queries, postgres.cursor() as cursor:
        for _ in range(20):
            cursor.execute("SELECT 1")
        cursor.execute("SELECT pg_sleep(0.2)")
    assert queries.total == 21
    assert 0 < queries.floor < queries.seconds - 0.15
    route = snapshot()["routes"]["page"]
    assert 0 < route["db_floor"] < route["db"]["sum"] - 0.15
