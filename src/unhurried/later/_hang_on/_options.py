"""What ``hang_on`` was given, checked where it is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from django.http import HttpRequest

Key = Callable[[HttpRequest], str]

# A cookie is a secret; what a poll accepts is not what the page was asked for with.
NEVER: Final = frozenset({"accept", "authorization", "cookie"})


@dataclass(frozen=True, slots=True)
class Options:
    after: float
    key: Key | None
    vary: tuple[str, ...]
    keep: float
    limit: float
    cap: int
    template: str


def checked(options: Options) -> Options:
    """Raise TypeError or ValueError for what can't be meant."""
    for name, least in (("after", 0), ("keep", 1), ("limit", 1), ("cap", 1)):
        value = getattr(options, name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TypeError(f"hang_on({name}=...) wants a number, not {value!r}.")
        if not least <= value < 86_400:
            raise ValueError(f"hang_on({name}=...) wants {least} to 86400, not {value!r}.")
    if options.key is not None and not callable(options.key):
        raise TypeError(f"hang_on(key=...) wants a function of the request, not {options.key!r}.")
    if isinstance(options.vary, str) or not all(isinstance(each, str) for each in options.vary):
        raise TypeError(f"hang_on(vary=...) wants names of headers, not {options.vary!r}.")
    for each in options.vary:
        if each.lower() in NEVER:
            raise ValueError(f"hang_on(vary=...): the work never sees the header {each!r}.")
    if not isinstance(options.template, str) or not options.template:
        raise TypeError(f"hang_on(template=...) wants a name, not {options.template!r}.")
    return options
