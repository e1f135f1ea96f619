"""Requests far beyond what their route takes: seldom, so no share tells of them, and remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from unhurried.measure.reading import slow_requests

from ._ledger import Ledger
from ._words import count, label, ms

TOLD: Final = 3  # routes


def notes(ledger: Ledger) -> Iterator[str]:
    """``/feed/: 3 requests took up to 8.2 s, mostly at pins/views.py:31 …``, of this window."""
    since = ledger.window.at - ledger.window.seconds
    found: dict[str, list[dict[str, Any]]] = {}
    for each in slow_requests():
        if each["at"] >= since and each["route"] in ledger.by_name:
            found.setdefault(each["route"], []).append(each)
    for route, requests in list(found.items())[:TOLD]:
        longest = max(each["seconds"] for each in requests)
        told = f"{count(len(requests), 'request')} took up to {ms(longest)}"
        yield f"{label(route)}: {told}, far beyond the others; {_where(requests)}."


def _where(requests: list[dict[str, Any]]) -> str:
    """The innermost line that most looks met."""
    looks: Counter[str] = Counter()
    for each in requests:
        for stack in each["stacks"]:
            if stack["frames"]:
                looks[stack["frames"][0]] += stack["count"]
    if not looks:
        return "nobody saw where"
    line, met = looks.most_common(1)[0]
    return f"{count(met, 'look')} of {looks.total():,} met {line}"
