"""A verdict of one window."""

from __future__ import annotations

from unhurried.measure.reading import Window, own_prefix

from ._judging import judge
from ._ledger import Ledger
from ._sizes import DELAY
from ._verdict import Verdict


def ledger_of(found: Window, worth: float = DELAY, pace: float = 1.0) -> Ledger:
    """All routes but the dashboard's own."""
    return Ledger(found, own_prefix(), worth, pace)


def of(found: Window, worth: float = DELAY, pace: float = 1.0) -> Verdict:
    return judge(ledger_of(found, worth, pace))
