"""What ``hang_on`` is given, looked at where it is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, Literal

from django.http import HttpRequest

from .._errors import LaterError

By = str | Callable[[HttpRequest], str]
Audience = Literal["user", "all"]

MOST_AFTER: Final = 10.0
LEAST_KEEP: Final = 10.0  # seconds: who waits has to come by and fetch it
TEMPLATE: Final = "unhurried/hang_on.html"
_HEADER: Final = re.compile(r"header:[A-Za-z0-9-]+")
_PERSONAL: Final = frozenset({"header:cookie", "header:authorization"})


@dataclass(frozen=True, slots=True)
class Options:
    """Seconds are floats; ``limit`` counts what one visitor may have under way."""

    after: float
    key: Callable[..., str] | None
    vary: tuple[By, ...]
    keep: float
    wait: float
    limit: int
    audience: Audience
    template: str

    @property
    def headers(self) -> tuple[str, ...]:
        """Names of those that the result differs by; the work is told them."""
        names = [by.partition(":")[2] for by in self.vary if isinstance(by, str)]
        return tuple(names)


def checked(given: dict[str, Any]) -> Options:
    """Options, or LaterError that names the argument."""
    _seconds("after", given["after"], 0, MOST_AFTER)
    _seconds("keep", given["keep"], LEAST_KEEP, 7 * 86_400)
    _seconds("wait", given["wait"], 0, 3_600)
    if not _is_int(given["limit"]) or given["limit"] < 1:
        _wrong("limit", given["limit"], "is how many one visitor may have under way, at least 1.")
    if given["key"] is not None and not callable(given["key"]):
        _wrong("key", given["key"], "is a function of what the view is called with: lambda r: …")
    if given["audience"] not in ("user", "all"):
        _wrong("audience", given["audience"], 'is "user", or "all" for what is nobody\'s own.')
    if not isinstance(given["template"], str) or not given["template"]:
        _wrong("template", given["template"], "is the name of a template.")
    return Options(**{**given, "vary": _vary(given["vary"])})


def _seconds(name: str, value: Any, least: float, most: float) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
    if not number or not least <= value <= most:
        _wrong(name, value, f"is a number of seconds from {least:g} to {most:g}.")


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _vary(value: Iterable[By]) -> tuple[By, ...]:
    if isinstance(value, str) or not isinstance(value, Iterable):
        _wrong("vary", value, 'is a list: ["header:X-Plan"], or functions of the request.')
    found = tuple(value)
    for by in found:
        if not callable(by) and not (isinstance(by, str) and _HEADER.fullmatch(by)):
            _wrong("vary", by, 'takes "header:NAME", and functions of the request.')
        if isinstance(by, str) and by.lower() in _PERSONAL:
            _wrong("vary", by, "would be written down with the work: it is never told secrets.")
    return found


def _wrong(name: str, value: Any, says: str) -> None:
    raise LaterError(f"hang_on({name}={value!r}) is wrong.", f"{name} {says}")
