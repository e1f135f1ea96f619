"""The verdict over what was measured, without asking the site."""

from __future__ import annotations

from django.urls import NoReverseMatch, Resolver404, resolve, reverse

from unhurried.measure.reading import Window, window

from ._judging import judge
from ._ledger import Ledger
from ._verdict import Verdict


def verdict(minutes: float | None = None) -> Verdict:
    """Of the last ``minutes`` (as far as they are kept: an hour), or of all since the beginning.

    Reads the store alone: no database, nothing of the site's runs. Raises ``StoreError``.
    """
    return of(window(minutes))


def of(found: Window) -> Verdict:
    return judge(Ledger(found, own_prefix()))


def own_prefix() -> str | None:
    """The route below which the dashboard lies; None where it is not included in the urls."""
    try:
        return resolve(reverse("unhurried:front")).route
    except (NoReverseMatch, Resolver404):
        return None
