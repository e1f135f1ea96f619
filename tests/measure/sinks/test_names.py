"""Names stay readable, are fit for the wire, and never become the same."""

from __future__ import annotations

import re

import pytest

from unhurried.measure.sinks import _names
from unhurried.measure.sinks._exposition import cleaned

HOSTILE = [
    *("", "feed/", "feed", "a/b/", "a_b/", "a.b/", "a-b/", "user/<int:pk>/", "user/<pk>/"),
    *("^regex/(?P<x>[0-9]+)$", "a:b|c@d#e", "a\nb", 'a"b', "a\\b", "ünïcode/", "日本/", "//", "/"),
    *(
        "(none)",
        "(other)",
        " ",
        "a,b",
        "a b",
        "x" * 200,
        "x" * 199 + "é",
        "\ud800",
        "<int:pk>",
        ".",
    ),
]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("feed/", "feed"),
        ("", "_root"),
        ("user/<int:pk>/likes/", "user._int_pk_.likes"),
        ("user/<username>/", "user._username_"),
        ("sign-in/", "sign-in"),
        ("command:migrate", "command_migrate-"),
        ("(none)", "_none"),
        ("robots.txt", "robots_txt-"),
    ],
)
def test_routes_as_paths(name, path):
    found = _names.route_path(name)
    assert found == path or (path.endswith("-") and re.fullmatch(path + "[0-9a-f]{8}", found))


@pytest.mark.parametrize(
    ("function", "allowed"),
    [
        (_names.route_path, r"[A-Za-z0-9_\-.]{1,200}"),
        (_names.path, r"[A-Za-z0-9_\-.]{1,200}"),
        (_names.tag, r"[A-Za-z0-9_\-./:]{1,200}"),
    ],
)
def test_hostile_names_are_fit_and_told_apart(function, allowed):
    names = [name for name in HOSTILE if name != "feed"]  # a trailing slash makes no other path
    found = {function(name) for name in names}
    assert all(re.fullmatch(allowed, name) for name in found), found
    assert len(found) == len(names)
    assert not any(name.startswith(".") or ".." in name for name in found if function != _names.tag)


def test_an_instruments_dots_stay():
    assert _names.path("basket.size") == "basket.size"
    assert re.fullmatch("http_ok-[0-9a-f]{8}", _names.path("http ok"))


def test_the_prefix_knows_the_host(monkeypatch):
    monkeypatch.setattr(_names.socket, "gethostname", lambda: "web1.example.org")
    assert _names.prefix("shop.{host}") == "shop.web1_example_org."
    assert _names.prefix("") == ""
    assert _names.prefix("shop.") == "shop."


def test_routes_are_shown_with_a_slash():
    shown = [_names.shown("request", name) for name in ("", "feed/", "(none)", "(other)")]
    assert shown == ["/", "/feed/", "(none)", "(other)"]
    assert _names.shown("unit", "task:x") == "task:x"


def test_prometheus_names():
    assert [cleaned(n) for n in ("basket.size", "9lives", "", "é", "a:b")] == [
        *("basket_size", "_9lives", "_", "_", "a_b")
    ]
