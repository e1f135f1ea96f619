"""A verdict of one window."""

from __future__ import annotations

from unhurried.measure.reading import Window, own_prefix

from ._judging import judge
from ._ledger import Ledger
from ._verdict import Verdict


def ledger_of(found: Window) -> Ledger:
    """All routes but the dashboard's own."""
    return Ledger(found, own_prefix())


def of(found: Window) -> Verdict:
    return judge(ledger_of(found))
