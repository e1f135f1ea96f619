"""The pytest plugin: options, markers, the fixture. What counts is loaded where Django is in use.

pytest loads this file in every project that has unhurried installed, with Django or without, so it
imports nothing of either: ``queries._budget._pytest`` comes with the first that wants it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

import pytest

LOADED: Final = "unhurried-queries"
OUTPUT: Final = "unhurried_ledger"  # what a worker of xdist sends home
MARKERS: Final = (
    "query_budget(n, using=None): at most n queries in the test's body; without n: no n+1",
    "queries_ledger: compare this test's queries with the ledger, also without --queries-ledger",
)
received: Final = pytest.StashKey[list[Any]]()
summary: Final = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("unhurried", "queries (unhurried)")
    text = "compare each test's queries with the ledger; more than it says fail the test"
    group.addoption("--queries-ledger", action="store_true", help=text)
    text = "write what the tests ask for into the ledger, also where it is more"
    group.addoption("--queries-update", action="store_true", help=text)
    parser.addini("queries_ledger", "As --queries-ledger, always.", type="bool", default=False)
    parser.addini("queries_ledger_file", "Path below the rootdir.", default="queries.ledger")
    text = 'Set UNHURRIED["STRICT"] for the tests, unless the settings say it.'
    parser.addini("unhurried_strict", text, type="bool", default=True)
    text = "Follow querysets to the line that made them, those of modules included."
    parser.addini("unhurried_track", text, type="bool", default=True)


def pytest_configure(config: pytest.Config) -> None:
    for marker in MARKERS:
        config.addinivalue_line("markers", marker)


def pytest_sessionstart(session: pytest.Session) -> None:
    _load(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    _load(session.config, session.items)


def _load(config: pytest.Config, items: Iterable[pytest.Item] = ()) -> None:
    """Register what counts, once, if this is a project that wants it."""
    if config.pluginmanager.has_plugin(LOADED) or not _is_configured():
        return
    if _is_installed() or _wants_ledger(config) or any(map(_uses, items)):
        from unhurried.queries._budget._pytest import Plugin  # imports Django

        plugin = Plugin(config, is_app=_is_installed(), all_in_ledger=_wants_ledger(config))
        config.pluginmanager.register(plugin, LOADED)


def _is_configured() -> bool:
    django = sys.modules.get("django.conf")
    return django is not None and django.settings.configured


def _is_installed() -> bool:
    apps = sys.modules["django.conf"].settings.INSTALLED_APPS
    return any(app == "unhurried" or app.startswith("unhurried.") for app in apps)


def _wants_ledger(config: pytest.Config) -> bool:
    """Whether all tests are compared."""
    options = ("--queries-ledger", "--queries-update")
    return any(map(config.getoption, options)) or bool(config.getini("queries_ledger"))


def _uses(item: pytest.Item) -> bool:
    marked = any(map(item.get_closest_marker, ("query_budget", "queries_ledger")))
    return marked or "queries" in getattr(item, "fixturenames", ())


def pytest_runtest_setup(item: pytest.Item) -> None:
    """A mark that nobody heeds would pass for ever."""
    if item.get_closest_marker("query_budget") or item.get_closest_marker("queries_ledger"):
        _plugin(item.config, "The marks query_budget and queries_ledger")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown() -> None:
    """Before the database goes: what the test has left to a thread, a page to be made anew, say."""
    later = sys.modules.get("unhurried.later.reading")
    if later is not None:
        later.settle()


@pytest.fixture
def queries(request: pytest.FixtureRequest) -> Any:
    """The queries of this test's body so far, as ``count_queries()`` counts them."""
    return _plugin(request.config, "The fixture queries").fixture(request.node)


def _plugin(config: pytest.Config, what: str) -> Any:
    plugin = config.pluginmanager.get_plugin(LOADED)
    if plugin is None:
        way_out = "install pytest-django and set DJANGO_SETTINGS_MODULE"
        pytest.fail(f"{what} want configured Django settings: {way_out}.", pytrace=False)
    return plugin


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """A worker of xdist is done, or has crashed."""
    output = None if error else getattr(node, "workeroutput", {}).get(OUTPUT)
    node.config.stash.setdefault(received, []).append(output)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    plugin: Any = config.pluginmanager.get_plugin(LOADED)
    home: dict[str, Any] | None = getattr(config, "workeroutput", None)
    if home is not None:
        home[OUTPUT] = plugin.output() if plugin is not None else None
        return
    outputs = config.stash.get(received, None) or ([plugin.output()] if plugin is not None else [])
    if any(outputs):
        from unhurried.queries._budget._pytest import write  # imports Django

        config.stash[summary] = write(config, outputs, finished=exitstatus in (0, 1))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    text = config.stash.get(summary, "")
    if text:
        terminalreporter.write_line(text)
