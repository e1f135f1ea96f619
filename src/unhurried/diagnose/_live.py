"""The verdict over what was measured, without asking the site."""

from __future__ import annotations

from unhurried.measure.reading import releases, window

from . import _promises
from ._asking import of
from ._verdict import Verdict


def verdict(minutes: float | None = None) -> Verdict:
    """Of the last ``minutes`` (as far as they are kept: an hour), or since this release began.

    Reads the store alone: no database, nothing of the site's runs. Raises ``StoreError``.
    """
    found = of(window(minutes))
    known = releases()
    found.release = known[-1].name if known else ""
    found.promises = _promises.kept(found)
    return found
