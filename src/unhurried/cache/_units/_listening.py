"""Whether this process keeps anything. One that does not has only its writes heard."""

from __future__ import annotations

from typing import Any, Final

from unhurried.measure.reading import not_heard, unheard

from . import _requests


class _Here:
    reads = False


here: Final = _Here()


def begin() -> None:
    """Something is kept here: hear what is read, from the start of the next request on."""
    if not here.reads:
        here.reads = True
        unheard.clear()
        _requests.install()


def pass_over(sql: Any) -> None:
    """Not to be heard again: it changes nothing, and nobody here asks what it has read."""
    if here.reads or sql.__class__ is not str:
        return
    not_heard(sql)
    if here.reads:  # since the question above
        unheard.clear()
