"""Every method of somebody else's that is wrapped, because no public hook stands in its place.

``tests/test_seams.py`` reads this list for each Django version. All wraps pass straight through
outside a unit of work, and none is installed with ``UNHURRIED = {"MEASURE": False}``, but for those
of caches where something is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction

from ._record import Record, current

#: Called with (verb, arguments, named arguments, answer); the first argument is ``self``.
Hear = Callable[[str, tuple[Any, ...], dict[str, Any], Any], None]


@dataclass(frozen=True, slots=True)
class Wrap:
    """One wrapped method, and why."""

    owner: type
    method: str
    why: str
    cost: str


#: What is installed now.
installed: list[Wrap] = []
_originals: dict[tuple[type, str], Any] = {}


def wrap(owner: type, method: str, make: Callable[[Any], Any], *, why: str, cost: str) -> None:
    """Replace ``owner.method`` by ``make(original)``, once."""
    if (owner, method) in _originals:
        return
    _originals[owner, method] = vars(owner).get(method)
    setattr(owner, method, make(getattr(owner, method)))
    installed.append(Wrap(owner, method, why, cost))


def unwrap_all() -> None:
    """Put every original back."""
    for (owner, method), original in _originals.items():
        if original is None:
            delattr(owner, method)
        else:
            setattr(owner, method, original)
    _originals.clear()
    installed.clear()


def charged(part: int, verb: str = "", heard: Sequence[Hear] = ()) -> Callable[[Any], Any]:
    """Make a wrapper that charges a call to a part, and a call inside such a call to the same.

    ``heard`` are told of each call of the ``verb`` that has come back, whoever has made it.
    """

    def make(original: Any) -> Any:
        if iscoroutinefunction(original):

            @wraps(original)
            async def inner_async(*args: Any, **kwargs: Any) -> Any:
                record = _elsewhere(part)
                if record is None:
                    answer = await original(*args, **kwargs)
                else:
                    record.enter(part)
                    try:
                        answer = await original(*args, **kwargs)
                    finally:
                        record.leave(part)
                for hear in heard:
                    hear(verb, args, kwargs, answer)
                return answer

            return inner_async

        @wraps(original)
        def inner(*args: Any, **kwargs: Any) -> Any:
            record = _elsewhere(part)
            if record is None:
                answer = original(*args, **kwargs)
            else:
                record.enter(part)
                try:
                    answer = original(*args, **kwargs)
                finally:
                    record.leave(part)
            for hear in heard:
                hear(verb, args, kwargs, answer)
            return answer

        return inner

    return make


def _elsewhere(part: int) -> Record | None:
    """The record under way, unless its time is this part's already."""
    record = current.get()
    return None if record is None or record.stack[-1] == part else record
