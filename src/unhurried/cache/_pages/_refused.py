"""Pages that are not kept, and why: said aloud to developers, counted where people read."""

from __future__ import annotations

import logging
from time import monotonic
from typing import Final

from django.conf import settings as django_settings

from unhurried.conf import settings
from unhurried.measure.reading import say_once

from .._audience import way_out
from .._engine._last import Last
from .._errors import CacheError

logger = logging.getLogger("unhurried")

#: Seconds for which a page that may not be kept is computed by all at once: nobody waits for an
#: entry that will not come. (Varnish calls it hit-for-miss.)
PASS: Final = 10.0
MOST: Final = 10_000
MOST_REASONS: Final = 50

#: name -> reason -> how often, in this process.
reasons: dict[str, dict[str, int]] = {}
_passing: Last[tuple[float, str]] = Last(MOST)


class NotShared(CacheError):  # noqa: N818 - what is the case, as the other names here
    """A cached page looked at something that is not in its key; raised under STRICT only."""


def passes(key: str) -> str:
    """Why this page was refused a moment ago, or an empty str."""
    until, reason = _passing.get(key) or (0.0, "")
    return reason if monotonic() < until else ""


def remember(key: str, reason: str) -> None:
    _passing.put(key, (monotonic() + PASS, reason))


def forget(key: str) -> None:
    _passing.drop(key)


def count(name: str, reason: str) -> None:
    counts = reasons.setdefault(name, {})
    if reason in counts or len(counts) < MOST_REASONS:
        counts[reason] = counts.get(reason, 0) + 1


def not_shared(name: str, unproven: dict[str, str]) -> str:
    """Say what was looked at, where; raises NotShared under STRICT."""
    looks = "; ".join(f"{line} looks at {what}" for what, line in unproven.items())
    hint = way_out(next(iter(unproven)))
    if settings.STRICT:
        raise NotShared(f"{name} is cached for all its readers, but {looks}.", hint)
    if django_settings.DEBUG:
        logger.warning("%s is not kept: %s. %s", name, looks, hint)
    else:
        say_once("%s is not kept: %s. %s", name, looks, hint)
    return looks
