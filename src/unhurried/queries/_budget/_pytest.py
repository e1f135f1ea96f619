"""What ``unhurried.pytest_plugin`` loads where Django is in use: it counts each test that asks.

A test is counted in all threads of its process, so that a live server's queries and those of an
event loop with a context of its own are there, too.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from django.apps import apps
from django.conf import settings as django_settings
from django.db import connections

from unhurried.conf import given

from .._find._counting import Queries, counting
from .._find._finding import N_PLUS_ONE
from .._find._origin import track_everywhere
from . import _ledger
from ._budgets import WAY_OUT, Budgeted, exceeded, found, query_budget
from ._ledger import Block, Change, LedgerError
from ._listing import asked

_fixture: Final = pytest.StashKey[Queries]()
_change: Final = pytest.StashKey[Change]()
#: Options that leave tests out; the ledger forgets none of them then.
PARTIAL: Final = (
    "keyword",
    "markexpr",
    "ignore",
    "ignore_glob",
    "deselect",
    "lf",
    "pyargs",
    "collectonly",
)
#: Django's own memories: a test that comes first would ask for what others find there.
MEMORIES: Final = (("contenttypes", "ContentType"), ("sites", "Site"))


class Plugin:
    """Registered once a session, in each worker of xdist."""

    def __init__(self, config: pytest.Config, *, is_app: bool, all_in_ledger: bool) -> None:
        self.config = config
        self.updates = bool(config.getoption("--queries-update"))
        self.all = all_in_ledger
        self.known: dict[str, Block] | None = None
        self.changes: dict[str, Change] = {}
        self.collected: list[str] = []
        self.met = 0  # before a conftest leaves some of them out
        self.partial = any(config.getoption(option, default=None) for option in PARTIAL)
        self._before: dict[str, Any] | None = None
        if is_app:
            self._start()

    def _start(self) -> None:
        self._before = dict(given())
        strict = {"STRICT": True} if self.config.getini("unhurried_strict") else {}
        # Threads that look into the tests' database would meet it between two tests.
        django_settings.UNHURRIED = {"SWEEP": None, **strict, **self._before}
        if self.config.getini("unhurried_track"):
            track_everywhere()

    def pytest_unconfigure(self) -> None:
        if self._before is not None:
            django_settings.UNHURRIED = self._before

    # Counting.

    def fixture(self, item: pytest.Item) -> Queries:
        """Counts from the test's body on."""
        return item.stash.setdefault(_fixture, Queries())

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        asked_for, judged = item.stash.get(_fixture, None), self._is_judged(item)
        if asked_for is None and not judged:
            return (yield)
        budgeted = Budgeted(using=_using(item))
        everything = Budgeted() if judged and self._is_in_ledger(item) else None
        if everything is not None:
            _forget()
        with ExitStack() as stack:
            for counts in (asked_for, budgeted if judged else None, everything):
                if counts is not None:
                    stack.enter_context(counting(counts, everywhere=True))
            result = yield
        _keep_budget(item, budgeted)
        if everything is not None:
            self._compare(item, everything)
        return result

    def _is_judged(self, item: pytest.Item) -> bool:
        return item.get_closest_marker("query_budget") is not None or self._is_in_ledger(item)

    def _is_in_ledger(self, item: pytest.Item) -> bool:
        return self.all or item.get_closest_marker("queries_ledger") is not None

    # The ledger.

    def _compare(self, item: pytest.Item, counted: Queries) -> None:
        statements = tuple(asked(counted))
        known, now = self._known(item), _ledger.block(statements)
        more = _ledger.grown(known, now)
        if more and not self.updates:
            name = path(self.config).name
            way_out = f"{WAY_OUT}: pytest --queries-update takes it over."
            text = f"More queries than {name} has of this test, {more}{found(counted.findings)}"
            pytest.fail(f"{text}{way_out}", pytrace=False)
        if more or _ledger.is_less(known, now):
            item.stash[_change] = Change(self.updates, statements)

    def _known(self, item: pytest.Item) -> Block:
        if self.known is None:
            try:
                self.known = _ledger.read(path(self.config))
            except LedgerError as error:
                pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)
        return self.known.get(item.nodeid, {})

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Only what has passed is taken over; of a TestCase that is known no sooner."""
        report = yield
        if report.when == "call" and report.passed and _change in item.stash:
            self.changes[item.nodeid] = item.stash[_change]
        return report

    # Which tests there are.

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self.met += 1

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.partial |= len(session.items) != self.met
        self.collected = [item.nodeid for item in session.items]

    def pytest_deselected(self, items: Iterable[pytest.Item]) -> None:
        self.partial = True

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        self.partial |= not report.passed

    def output(self) -> dict[str, Any]:
        """For the controller, which writes."""
        changes = {test: change.sent() for test, change in self.changes.items()}
        return {"changes": changes, "collected": None if self.partial else self.collected}


def path(config: pytest.Config) -> Path:
    return config.rootpath / str(config.getini("queries_ledger_file"))


def _using(item: pytest.Item) -> str | None:
    marker = item.get_closest_marker("query_budget")
    return marker.kwargs.get("using") if marker is not None else None


def _forget() -> None:
    for app, model in MEMORIES:
        if apps.is_installed(f"django.contrib.{app}"):
            apps.get_model(app, model).objects.clear_cache()


def _keep_budget(item: pytest.Item, counted: Budgeted) -> None:
    marker = item.get_closest_marker("query_budget")
    if marker is None:
        return
    _refuse_what_counts_nothing(marker)
    if marker.args or "n" in marker.kwargs:
        limit = _limit(marker)
        if counted.total > limit:
            pytest.fail(str(exceeded(counted, limit)), pytrace=False)
        return
    repeated = [finding for finding in counted.findings if finding.kind == N_PLUS_ONE]
    if repeated:
        way_out = "Change what they name, or allow it (allow_queries)."
        pytest.fail(f"No n+1 in this test, but:\n{found(repeated)}{way_out}", pytrace=False)


def _refuse_what_counts_nothing(marker: pytest.Mark) -> None:
    """A misspelt argument would let the test pass for ever."""
    for name in marker.kwargs.keys() - {"n", "using"}:
        pytest.fail(
            f"@pytest.mark.query_budget({name}=…): it takes a number and using=, as in "
            'query_budget(5, using="default").',
            pytrace=False,
        )
    using = marker.kwargs.get("using")
    if using is not None and using not in connections:
        known = ", ".join(connections)
        pytest.fail(f"@pytest.mark.query_budget(using={using!r}): there is {known}.", pytrace=False)


def _limit(marker: pytest.Mark) -> int:
    try:
        return query_budget(*marker.args, **marker.kwargs).limit
    except TypeError as error:
        pytest.fail(f"@pytest.mark.query_budget: {error}", pytrace=False)


def write(config: pytest.Config, outputs: list[dict[str, Any] | None], *, finished: bool) -> str:
    """Bring home what all workers have found; one line for the summary."""
    changes: dict[str, Change] = {}
    for output in filter(None, outputs):
        changes |= {test: Change.got(sent) for test, sent in output["changes"].items()}
    whole = finished and _is_whole(config) and all(o and o["collected"] for o in outputs)
    collected = {test for output in outputs if output for test in output["collected"] or ()}
    try:
        return _ledger.apply(path(config), changes, collected if whole else None)
    except (OSError, LedgerError) as error:
        return f"{path(config).name} was not written: {error}"


def _is_whole(config: pytest.Config) -> bool:
    """All tests, from the project's own root: no path was given."""
    if config.args_source is config.ArgsSource.TESTPATHS:
        return True
    here = config.invocation_params.dir == config.rootpath
    return config.args_source is config.ArgsSource.INVOCATION_DIR and here
