"""The life of a ledger with xdist. No server, but each of its runs is three processes."""

from __future__ import annotations

import pytest

from tests.queries import test_plugin as plugin

pytest_plugins = ["pytester"]
project = plugin.project


@pytest.mark.busy
def test_the_life_of_a_ledger_with_workers(project: pytest.Pytester) -> None:
    plugin.live(project, "-n", "2")
