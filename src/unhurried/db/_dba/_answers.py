"""What a question is answered with: a state, a number, why that matters, and what to change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

BAD, LOOK, UNKNOWN, FINE = "bad", "look", "unknown", "fine"
STATES: Final = (BAD, LOOK, UNKNOWN, FINE)  # the worst first
NOTHING: Final = "nothing to do"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is named: ``what`` it is, its ``number`` and ``remedy``, the lines to write.

    ``notes`` stand under it: the statement's text, the lines that ask it. ``values`` has the plain
    numbers, for programs; seconds, bytes, shares from 0 to 1.
    """

    what: str
    number: str
    remedy: tuple[str, ...]
    notes: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """To one of the questions. ``remedy`` is for all of its items; ``items``: the worst first.

    ``state``: bad, look (worth one), fine, or unknown: then ``reason`` says why it could not be
    answered, and ``remedy`` has the way out.
    """

    name: str
    title: str
    state: str
    number: str
    reason: str
    remedy: tuple[str, ...] = (NOTHING,)
    items: tuple[Item, ...] = ()
    facts: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
