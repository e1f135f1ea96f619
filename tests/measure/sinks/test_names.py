"""Names stay readable, are fit for the wire, and never become the same."""

from __future__ import annotations

import re

import pytest

from unhurried.measure.sinks import _names
from unhurried.measure.sinks._exposition import cleaned

HOSTILE = [
    *(
        "",
        "feed/",
        "feed",
        "_root",
        "_root/",
        "_none/",
        "a/b/",
        "a_b/",
        "a.b/",
        "a-b/",
        "user/<int:pk>/",
        "user/<pk>/",
    ),
    *("user/_int_pk_/", "user/_pk_/", "user/<int_pk>/", "user/<yyyy:pk>/", "user/<yyyy_pk>/"),
    *("x<y>z/", "x_y_z/", "x_<y>/", "x__y_/", "x/<_y>/", "x/<y_>/", "<a>-<b>/", "_a_-<b>/"),
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
        ("user/<int:user_id>/", "user._int_user_id_"),
        ("v<int:n>/reset_my_password/", "v_int_n_.reset_my_password"),
        ("sign-in/", "sign-in"),
        ("feed", "feed-"),
        ("_root/", "_root-"),
        ("user/_int_pk_/", "user._int_pk_-"),
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
    found = {function(name) for name in HOSTILE}
    assert all(re.fullmatch(allowed, name) for name in found), found
    assert len(found) == len(HOSTILE)
    assert not any(name.startswith(".") or ".." in name for name in found if function != _names.tag)


def test_units_keep_their_names():
    assert _names.route_path("import", "unit") == "import"
    assert _names.route_path("a/b", "unit") == "a.b"
    assert re.fullmatch("import-[0-9a-f]{8}", _names.route_path("import/", "unit"))


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
