"""The scrape: parsed by Prometheus' own client, equal to the snapshot, closed to strangers."""

from __future__ import annotations

import math
import time

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.test import RequestFactory
from prometheus_client.parser import text_string_to_metric_families

from unhurried.measure import counter, gauge, histogram, measured, meter, snapshot, timer
from unhurried.measure._read import Reader
from unhurried.measure._snapshot import reader
from unhurried.measure.sinks import prometheus
from unhurried.measure.sinks._exposition import Exposition

from .conftest import unit

HOSTILE = ['a"b', "a\\b", "a\nb", "a\\nb", "", "日本/", "a{b}", "\ud800", "(none)", "x" * 300, "#"]


def scraped() -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """{sample: {labels: value}}; every series must be there once."""
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    text = prometheus.render(reader()).decode()
    types = [line.split(" ")[2] for line in text.split("\n") if line.startswith("# TYPE")]
    assert len(types) == len(set(types))
    for family in text_string_to_metric_families(text):
        assert family.type in ("counter", "gauge", "histogram", "summary"), family
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in found.setdefault(sample.name, {}), sample
            found[sample.name][labels] = sample.value
    return found


def labels(route: str, kind: str = "request", **more: str) -> tuple[tuple[str, str], ...]:
    return tuple(sorted({"route": route, "kind": kind, **more}.items()))


@pytest.mark.django_db
def test_it_says_what_the_snapshot_says(store, client):
    client.raise_request_exception = False
    for n in (0, 0, 1, 3, 70):
        client.get(f"/queries/{n}/", headers={"X-Request-Start": ""})
    client.get("/boom/")
    client.get("/status/503/")
    with measured("job"):
        pass
    found, known = scraped(), snapshot()["routes"]
    pages = "/queries/<int:n>/"
    assert found["unhurried_requests_total"] == {
        labels(pages, status="200"): 5,
        labels("/boom/", status="500"): 1,
        labels("/status/<int:code>/", status="503"): 1,
        labels("job", "unit", status=""): 1,
    }
    assert found["unhurried_errors_total"][labels("/boom/")] == 1
    assert found["unhurried_errors_total"][labels("/status/<int:code>/")] == 1
    assert found["unhurried_exceptions_total"][labels("/status/<int:code>/")] == 0
    queries = found["unhurried_request_queries_bucket"]
    assert [queries[labels(pages, le=le)] for le in ("0", "1", "2", "5", "50", "75", "+Inf")] == [
        *(2, 3, 3, 4, 4, 5, 5)
    ]
    assert found["unhurried_request_queries_sum"][labels(pages)] == 74
    assert found["unhurried_request_db_seconds_count"][labels(pages)] == 5
    for name, key in (("duration", "wall"), ("db", "db")):
        total = found[f"unhurried_request_{name}_seconds_sum"][labels(pages)]
        assert total == pytest.approx(known["queries/<int:n>/"][key]["sum"])
    parts = found["unhurried_time_seconds_total"]
    where = {part: parts[labels(pages, part=part)] for part in ("view", "db", "template")}
    assert where == {
        part: pytest.approx(known["queries/<int:n>/"]["where"][part]) for part in where
    }
    assert found["unhurried_workers"] == {(): 1}
    assert found["unhurried_requests_in_flight"][labels(pages)] == 0
    assert "unhurried_request_queue_seconds_count" not in found, "absent, not zero"


def test_buckets_only_grow(store):
    for n in range(200):
        unit(queries=n % 120)
    found = scraped()
    for name in ("unhurried_request_duration_seconds", "unhurried_request_queries"):
        series = found[f"{name}_bucket"].items()
        edges = sorted((float(dict(key)["le"]), value) for key, value in series)
        assert len(edges) == 16
        assert [value for _, value in edges] == sorted(value for _, value in edges)
        assert edges[-1] == (math.inf, 200)
        assert found[f"{name}_count"][labels("/feed/")] == 200


def test_a_queue_is_there_where_a_header_was(store, client):
    client.get("/empty/", headers={"X-Request-Start": f"t={time.time() - 0.2:.6f}"})
    found = scraped()
    assert found["unhurried_request_queue_seconds_count"] == {labels("/empty/"): 1}
    assert found["unhurried_request_queue_seconds_bucket"][labels("/empty/", le="0.1")] == 0
    assert found["unhurried_request_queue_seconds_sum"][labels("/empty/")] > 0.19


def test_the_sites_own_instruments(store):
    counter("orders").increment(5)
    counter("basket.open").increment(3)
    counter("basket.open").decrement(2)
    gauge("temperature").set(-21.5)
    meter("logins").mark(4)
    histogram("basket.size").update(2.5)
    timer("thumbnail").update(0.25)
    found = scraped()
    assert found["orders_total"] == {(): 5}
    assert (found["basket_open_total"], found["basket_open"]) == ({(): 3}, {(): 1})
    assert found["temperature"] == {(): -21.5}
    assert found["logins_total"] == {(): 4}
    assert set(found["logins_rate"]) == {(("minutes", str(n)),) for n in (1, 5, 15)}
    assert (found["basket_size_sum"], found["basket_size_count"]) == ({(): 2.5}, {(): 1})
    assert (found["thumbnail_seconds_sum"], found["thumbnail_seconds_count"]) == (
        {(): 0.25},
        {(): 1},
    )


def test_hostile_names(store):
    for n, name in enumerate(HOSTILE, 1):
        for _ in range(n):
            unit(name)
        unit(name or "job", kind="unit", status=0)
        own = name or "(empty)"
        counter(own).increment()
        gauge(own).set(1)
        meter(own).mark()
        histogram(own).update(1)
        timer(own).update(1)
    found = scraped()
    counts = found["unhurried_request_duration_seconds_count"]
    for n, name in enumerate(HOSTILE, 1):
        shown = name if name == "(none)" else f"/{name[:200]}"
        shown = shown.replace("\ud800", "\\ud800")
        assert counts[labels(shown)] == n, name


def test_names_that_clash_are_told_apart(store):
    for name in ("a.b", "a-b", "a b", "unhurried.requests", "up"):
        counter(name).increment()
        gauge(name).set(1)
        gauge(f"{name}.count").set(1)
        histogram(name).update(1)
        meter(name).mark()
    found = scraped()
    assert {"a_b_total", "a_b", "up_total"} <= set(found)
    assert found.get("up") is None, "Prometheus' own"
    own = [name for name in found if name.startswith(("a_b", "up", "unhurried_requests"))]
    assert len([name for name in own if name.endswith("_total")]) >= 10


def test_an_empty_store_and_none(store, tmp_path):
    assert b"unhurried_workers 0" in prometheus.render(None)
    store.mkdir(exist_ok=True)
    (tmp_path / "empty").mkdir(mode=0o700)
    assert b"unhurried_workers 0" in prometheus.render(Reader(tmp_path / "empty"))


def test_a_family_without_samples_is_left_out():
    page = Exposition()
    page.family("x", "gauge", "X.", [])
    assert bytes(page) == b"\n"


def get(may=lambda request: False, method: str = "get", **headers: str):
    request = getattr(RequestFactory(), method)("/unhurried/metrics", headers=headers)
    return prometheus.make_view(may)(request)


def test_strangers_are_told_the_way(sinks):
    with sinks(prometheus={"token": "s3cret"}):
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic s3cret"},
            {"Authorization": "Bearer"},
            {"Authorization": "Bearer é"},
        ):
            response = get(**headers)
            assert response.status_code == 403
            assert b"Authorization: Bearer TOKEN" in response.content
            assert b"s3cret" not in response.content


def test_the_token_opens(sinks):
    with sinks(prometheus={"token": "s3cret"}):
        unit()
        response = get(Authorization="bearer s3cret")
    assert response.status_code == 200
    assert response["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "no-store" in response["Cache-Control"]
    assert b"unhurried_requests_total" in response.content
    assert get(method="post").status_code == 405


@pytest.mark.parametrize("given", [{}, {"prometheus": {}}, {"prometheus": {"token": None}}])
def test_without_a_token_nobody_has_it(sinks, given):
    with sinks(**given):
        assert get(Authorization="Bearer ").status_code == 403
        assert get(Authorization="Bearer None").status_code == 403
        assert get(lambda request: True).status_code == 200


def test_active_staff_may():
    request = HttpRequest()
    assert not prometheus.active_staff(request)
    for user, may in (
        (AnonymousUser(), False),
        (User(is_staff=True, is_active=True), True),
        (User(is_staff=True, is_active=False), False),
        (User(is_staff=False, is_superuser=True), False),
    ):
        request.user = user
        assert prometheus.active_staff(request) is may


def test_a_store_that_can_not_be_read_is_said(store, client):
    unit()
    names = next(store.glob("v*/names"))
    other = names.with_name("other")
    other.write_text("something else\n")
    other.replace(names)  # at once: a thread that found it empty would begin it anew
    response = get(lambda request: True)
    assert response.status_code == 503
    assert b"Remove the folder" in response.content
