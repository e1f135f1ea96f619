"""The answer, as data and as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from time import time
from typing import Any

from unhurried.measure.reading import Reason

from .._audience import way_out
from .._units._caches import TAKEN


@dataclass(frozen=True, slots=True)
class Tie:
    """Something that it was made from: ``tag`` as the protocol names it, ``name`` as people do.

    ``changed``: Unix seconds of the last change that was seen, by ``who``; 0 and "" for none.
    ``differs``: it has changed since what is kept was made.
    """

    tag: str
    name: str
    changed: float = 0.0
    who: str = ""
    differs: bool = False


@dataclass(frozen=True, slots=True)
class Why:
    """What is known of a cached page, function or part of a template.

    ``state``: "fresh", "stale" (past its soft ttl), "changed" or "missing" for one that has a key,
    "" where all of them are meant. ``age`` and ``ttl`` are in seconds, ``ttl`` below zero where it
    is over; ``bytes`` is without headers. ``hits``, ``misses``, ``saved`` (seconds), ``stored``
    (Unix seconds of the last one) and ``reasons`` (why it was not kept, the latest first) are over
    all keys and processes of this host.
    """

    name: str
    kind: str
    key: str = ""
    state: str = ""
    age: float | None = None
    ttl: float | None = None
    bytes: int = 0
    ties: tuple[Tie, ...] = ()
    hits: int = 0
    misses: int = 0
    saved: float = 0.0
    stored: float = 0.0
    reasons: tuple[Reason, ...] = ()
    note: str = ""

    @property
    def hit_ratio(self) -> float | None:
        """From 0 to 1; None where nobody has asked yet."""
        asked = self.hits + self.misses
        return self.hits / asked if asked else None

    def as_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "hit_ratio": self.hit_ratio}

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.name} ({self.kind})"
        if self.key:
            yield f"  {self._of_the_entry()}"
            yield f"  key {self.key}"
        yield f"  {self._of_all()}"
        if self.ties:
            yield "  made from"
            yield from (f"    {line}" for line in self._of_ties())
        for reason in self.reasons:
            times = "once" if reason.count == 1 else f"{reason.count:,} times"
            yield f"  not kept {times}, the last time {ago(reason.last)}: {reason.text}"
            if hint := hint_of(reason.text, self.kind):
                yield f"    {hint}"
        if self.note:
            yield f"  {self.note}"

    def _of_the_entry(self) -> str:
        if self.age is None or self.ttl is None:
            return "missing: who asks next computes it"
        old = {"changed": "its data have changed", "stale": "past its soft ttl"}
        left = f"{span(self.ttl)} to go" if self.ttl > 0 else f"over for {span(-self.ttl)}"
        said = old.get(self.state, self.state)
        return f"{said}: {span(self.age)} old, {left}, {self.bytes:,} bytes"

    def _of_all(self) -> str:
        ratio = self.hit_ratio
        if ratio is None:
            return "nobody has asked for it yet"
        hits = f"{self.hits:,} hits, {self.misses:,} misses ({ratio:.1%} hits)"
        return f"{hits}, which saved {span(self.saved)}"

    def _of_ties(self) -> Iterator[str]:
        width = max(len(tie.name) for tie in self.ties)
        for tie in self.ties:
            mark = "*" if tie.differs else " "
            seen = f"changed {ago(tie.changed)} by {tie.who}" if tie.changed else "no change seen"
            yield f"{mark} {tie.name:{width}}  {seen}"


def hint_of(reason: str, kind: str) -> str:
    """The way out of a reason, where one is known for such a thing: of the first look of several,
    as it is told when it happens; a long list ends in the midst of another.
    """
    if TAKEN in reason:
        return "Use cached or {% cached %} there, or name the keys' beginning in TRUSTED_KEYS."
    what = reason.partition(" looks at ")[2].partition("; ")[0]
    return way_out(what, kind) if what else ""


def ago(moment: float) -> str:
    return f"{span(max(time() - moment, 0.0))} ago"


def span(seconds: float) -> str:
    """``12 s``, ``3 min``, ``5 h``, ``2 d``; short ones in milliseconds."""
    if seconds < 1:
        return f"{seconds * 1e3:.0f} ms"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
