"""Wrong options are named, with the way out; a sink that has one is off."""

from __future__ import annotations

import logging

import pytest

from unhurried.measure import sinks as registry
from unhurried.measure._units import finished
from unhurried.measure.sinks import _options, _sender, log, prometheus, statsd

from .conftest import unit

WRONG = [
    ({"statds": {}}, "['statds'] is no sink. Did you mean 'statsd'?"),
    ({"log": True}, "['log'] is bool; it must be a dict of options."),
    ({"statsd": {"hots": "x"}}, "['statsd']['hots'] is no option. Did you mean 'host'?"),
    ({"statsd": {"port": "8125"}}, "['port'] is str; it must be int."),
    ({"statsd": {"port": True}}, "['port'] is bool; it must be int."),
    ({"statsd": {"port": 0}}, "['port'] is 0; it must be from 1 to 65535."),
    ({"statsd": {"tags": 1}}, "['tags'] is int; it must be bool."),
    ({"statsd": {"prefix": "a:b"}}, "['prefix'] is 'a:b'; it must be letters"),
    ({"graphite": {"host": ""}}, "['host'] is ''; it must be a host name or an address."),
    ({"log": {"slow": -1}}, "['slow'] is -1; it must be 0 or more."),
    ({"log": {"slow": float("nan")}}, "['slow'] is nan; it must be 0 or more."),
    ({"prometheus": {"token": 5}}, "['token'] is int; it must be str or None."),
]


@pytest.mark.parametrize(("given", "message"), WRONG)
def test_what_is_wrong_is_named(sinks, given, message):
    with sinks(**given):
        found = list(registry.problems())
        assert len(found) == 1
        assert message in found[0][0]
        assert found[0][0].startswith("UNHURRIED['SINKS']")
        assert found[0][1], "a hint"


def test_no_message_repeats_a_token(sinks):
    with sinks(prometheus={"token": "se cret"}):
        [(message, hint)] = registry.problems()
        assert "se cret" not in message + hint
        assert "token_urlsafe" in message


def test_options_are_read_live_with_their_defaults(sinks):
    assert registry.options("log") is None
    with sinks(log={"slow": 1}, statsd={"port": 9}, prometheus={}):
        assert registry.options("log") == log.Options(slow=1)
        assert registry.options("statsd") == statsd.Options(port=9)
        assert registry.options("prometheus") == prometheus.Options()
        assert not list(registry.problems())


def test_a_sink_with_a_wrong_option_is_off_and_says_so_once(sinks, caplog):
    before = len(finished)
    with caplog.at_level(logging.WARNING), sinks(log={"slwo": 1}):
        assert len(finished) == before
        registry.refresh()
    assert [r.getMessage() for r in caplog.records if "'slwo'" in r.getMessage()] == [
        "UNHURRIED['SINKS']['log']['slwo'] is no option. Did you mean 'slow'? Known: slow"
    ]


def test_sinks_come_and_go_with_the_settings(sinks, closed_port):
    before, senders = list(finished), list(_sender._senders)
    with sinks(log={}, statsd={"port": closed_port}, graphite={"port": closed_port}):
        assert len(finished) == len(before) + 2
        assert len(_sender._senders) == len(senders) + 2
        unit()
        kept = list(finished)
        registry.refresh()
        assert finished == kept, "what is as it was goes on"
    assert finished == before
    assert _sender._senders == senders


def test_every_option_says_what_it_is():
    for sink in registry.SINKS.values():
        for known in _options.fields(sink.Options):
            assert known.metadata["help"].endswith(".")
