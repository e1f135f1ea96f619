"""The verdict over what was measured, without asking the site."""

from __future__ import annotations

from unhurried.measure.reading import releases, window

from . import _activity, _promises
from ._asking import ledger_of
from ._judging import judge
from ._pace import pace
from ._sizes import DELAY
from ._verdict import Verdict


def verdict(minutes: float | None = None, *, ask: bool = False, worth: float = DELAY) -> Verdict:
    """Of the last ``minutes`` (as far as they are kept: an hour), or since this release began.

    ``worth``: seconds of a request, from which on something is told. Reads the store alone, and
    nothing of the site's runs; with ``ask``, PostgreSQL is asked besides who waits for whom. Raises
    ``StoreError``.
    """
    here = pace()
    ledger = ledger_of(window(minutes), worth, here)
    found = judge(ledger)
    known = releases()
    found.release = known[-1].name if known else ""
    found.promises = _promises.kept(found, here)
    if ask:
        _activity.add(found, ledger)
    return found
