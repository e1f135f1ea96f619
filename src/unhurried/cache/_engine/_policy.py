"""How long something is kept, and what happens when its data change."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from .._errors import CacheError
from .._units import _ends, _listening

OnChange = Literal["refresh", "wait", "serve"]
#: What may serve what has changed since: who has changed it himself must not get that.
serving_old: set[str] = set()
#: In seconds: who passes more has mixed up units.
LONGEST: Final = 10 * 365 * 24 * 3600


@dataclass(frozen=True, slots=True)
class Policy:
    """One decorated thing: its name, its times in seconds, its store."""

    name: str
    hard: float
    soft: float
    on_change: OnChange = "refresh"
    strict: bool = False
    alias: str = "default"
    kind: str = "function"
    #: Regenerates an entry with nobody waiting, by what its ``meta`` says; None: nobody can.
    refresh: Callable[[dict[str, Any]], None] | None = None


def checked(
    where: str,
    ttl: object,
    soft: object,
    on_change: object,
    strict: object,
) -> tuple[float, float]:
    """(hard, soft), or an error that names the argument, at definition."""
    hard = _seconds(where, "ttl", ttl)
    softer = hard if soft is None else _seconds(where, "soft", soft)
    if softer > hard:
        raise CacheError(
            f"{where}: soft={soft!r} is longer than the ttl of {ttl!r}.",
            "soft is when regenerating in the background begins; it ends at the ttl.",
        )
    if on_change not in get_args(OnChange):
        raise CacheError(
            f"{where}: on_change={on_change!r} is unknown.",
            'It is "refresh" (one recomputes, the others get the old one meanwhile), "wait" '
            '(nobody gets the old one) or "serve" (all do while it is made in the background).',
        )
    if not isinstance(strict, bool):
        raise CacheError(f"{where}: strict={strict!r} is no bool.", "Pass True or False.")
    _listening.begin()
    if on_change != "wait":
        serving_old.add(where)
    if strict:
        _ends.strict.add(where)
    return hard, softer


def _seconds(where: str, name: str, value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not 0 < value <= LONGEST:  # type: ignore[operator]
        raise CacheError(
            f"{where}: {name}={value!r} is no number of seconds from 0 to ten years.",
            "Write seconds: cached(600) keeps ten minutes.",
        )
    return float(value)  # type: ignore[arg-type]
