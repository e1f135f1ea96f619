"""One line per request: readable, structured, and nothing of anybody's in it."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime

import pytest

from unhurried.measure._units import finish, start
from unhurried.measure.sinks.log import FIELDS, JSONFormatter

from .conftest import unit


@pytest.fixture
def logged(caplog):
    caplog.set_level(logging.INFO, "unhurried")
    return lambda: [r for r in caplog.records if r.name in ("unhurried.request", "unhurried.unit")]


@pytest.mark.django_db
def test_a_request_is_one_line(sinks, logged, client):
    with sinks(log={}):
        client.get("/queries/5/?token=hunter2", headers={"X-Request-Start": "t=0"})
    [line] = logged()
    assert line.levelname == "INFO"
    assert line.name == "unhurried.request"
    text = line.getMessage()
    assert text.startswith("/queries/<int:n>/ 200 ")
    assert " ms, 5 queries (" in text
    assert line.route == "/queries/<int:n>/"
    assert (line.status, line.queries, line.bytes) == (200, 5, 5)
    assert line.wall >= line.cpu > 0
    parts = (line.view, line.db, line.cache, line.http, line.template)
    assert sum(parts) == pytest.approx(line.wall)
    assert "hunter2" not in repr(vars(line))
    assert "queries/5" not in repr(vars(line))


def test_errors_are_errors(sinks, logged):
    with sinks(log={}):
        unit(status=503)
        unit(status=404)
        unit("import", kind="unit", status=0, raised=True)
        unit("import", kind="unit", status=0, queries=1)
    levels = [(line.name, line.levelname) for line in logged()]
    assert levels == [
        ("unhurried.request", "ERROR"),
        ("unhurried.request", "INFO"),
        ("unhurried.unit", "ERROR"),
        ("unhurried.unit", "INFO"),
    ]
    assert logged()[2].getMessage().startswith("import raised ")
    assert logged()[3].getMessage().endswith(" ms, 1 query (1.0 ms)")
    assert logged()[3].unit == "import"
    assert not hasattr(logged()[3], "status")


def test_only_slow_ones(sinks, logged):
    with sinks(log={"slow": 60}):
        unit()
        unit(status=500)
    assert [line.levelname for line in logged()] == ["ERROR"]
    with sinks(log={"slow": 1e-9}):
        unit()
    assert [line.levelname for line in logged()] == ["ERROR", "WARNING"]


def test_a_name_can_forge_no_line(sinks, logged):
    with sinks(log={}):
        unit("a\nb\u2028c\x1b[31m", kind="unit", status=0)
    assert len(logged()[0].getMessage().splitlines()) == 1
    assert "\x1b" not in logged()[0].getMessage()


def test_json_is_one_line_per_record(sinks, logged):
    with sinks(log={}):
        unit('a"b\n\ud800', queries=2, status=201)
    text = JSONFormatter().format(logged()[0])
    assert "\n" not in text
    line = json.loads(text)
    assert list(line)[:4] == ["time", "level", "logger", "message"]
    assert datetime.fromisoformat(line["time"]).utcoffset().total_seconds() == 0
    assert line["route"] == '/a"b\n\ud800'
    assert (line["status"], line["queries"], line["raised"]) == (201, 2, False)
    assert line["db"] >= 0.001
    assert set(line) <= {"time", "level", "logger", "message", *FIELDS}


def test_json_of_other_loggers_leaves_out_what_nobody_knows():
    try:
        raise ValueError("boom")
    except ValueError:
        record = logging.LogRecord("django", 40, "x", 1, "Oh: %s", ("no",), sys.exc_info())
    record.request = "GET /secret/"
    line = json.loads(JSONFormatter().format(record))
    assert (line["message"], line["level"], line["logger"]) == ("Oh: no", "ERROR", "django")
    assert "ValueError: boom" in line["exception"]
    assert "secret" not in repr(line)


def test_json_bears_what_it_has_no_word_for():
    record = logging.LogRecord("site", 20, "x", 1, "imported", (), None)
    record.rows, record.wall, record.status = {("a", 1): 2}, float("nan"), 200
    record.queries = {"itself": []}
    record.queries["itself"].append(record.queries)
    line = json.loads(JSONFormatter().format(record), parse_constant=pytest.fail)
    assert (line["rows"], line["wall"], line["status"]) == ("{('a', 1): 2}", "nan", 200)
    assert line["queries"].startswith("{'itself': ")


def test_what_is_seldom_is_there_when_it_was(sinks, logged):
    with sinks(log={}):
        record = start("request", "feed/")
        record.status = 200
        rare = record.seldom()
        record.queued, record.connects, rare.overlap = 50_000_000, 1, 2_000_000
        finish(record)
        unit()
    first, second = logged()
    assert (first.queue, first.connects, first.overlap) == (0.05, 1, 0.002)
    assert not hasattr(second, "queue")
