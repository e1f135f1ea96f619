"""What really was: shares of users' time, by the visitors' clocks and the faults' own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from .neighbours import Delayed
from .visitors import Answer


@dataclass
class Seen:
    """One run: all answers, and what its fault has left. ``healthy``: seconds of each page, well.

    ``flood``: those answers that nobody needed.
    """

    answers: list[Answer] = field(default_factory=list)
    flood: list[Answer] = field(default_factory=list)
    told: list[float] = field(default_factory=list)
    delayed: Delayed = field(default_factory=Delayed)
    healthy: Mapping[str, float] = field(default_factory=dict)
    unanswered: int = 0
    seconds: float = 0.0

    @property
    def all(self) -> list[Answer]:
        return self.answers + self.flood

    @property
    def time(self) -> float:
        """Seconds that users have waited, in the queue and in the site."""
        return sum(answer.took for answer in self.all)


#: A cause's share of users' time in a run, 0 to 1.
Truth = Callable[[Seen], float]


def means(runs: list[Seen]) -> dict[str, float]:
    """Seconds of each page, over all these runs."""
    took = defaultdict(list)
    for run in runs:
        for answer in run.answers:
            took[answer.page].append(answer.took)
    return {page: sum(each) / len(each) for page, each in took.items()}


def injected(*pages: str) -> Truth:
    """What the pages themselves say they have lost."""

    def truth(seen: Seen) -> float:
        return sum(answer.injected for answer in seen.all if answer.page in pages) / seen.time

    return truth


def queued(seen: Seen) -> float:
    """What a visitor waited beyond what the site's server knows of."""
    return sum(answer.took - answer.served for answer in seen.all) / seen.time


def delayed(seen: Seen) -> float:
    """What the network says it has kept back of statements; connecting is the connections' own."""
    return seen.delayed.seconds / seen.time


def nearby(truth: Truth) -> Truth:
    """What it would be without the network, whose own share is of the same seconds."""

    def without(seen: Seen) -> float:
        return max(truth(seen) - delayed(seen), 0)

    return without


def failed(seen: Seen) -> float:
    """Of all requests."""
    return sum(answer.status >= 500 for answer in seen.all) / len(seen.all)


def told(seen: Seen) -> float:
    """Of what people waited for the pages, what their browsers took, where half of them told."""
    views = [answer for answer in seen.answers if answer.page == "story"]
    front = len(views) * sum(seen.told) / max(len(seen.told), 1)
    return front / (front + seen.time)


def instead(page: str, well: str) -> Truth:
    """What the server took longer for one page than it does for the other, in a healthy run."""

    def truth(seen: Seen) -> float:
        lost = [a.served - seen.healthy[well] for a in seen.answers if a.page == page]
        return max(sum(lost), 0) / seen.time

    return truth


def flooded(seen: Seen) -> float:
    """What the answers took that nobody needed. How much they kept others waiting is not in it."""
    return sum(answer.took for answer in seen.flood) / seen.time


def beyond_health(seen: Seen) -> float:
    """All that the same visits would not have taken in a healthy run.

    Means nothing where this run or those had others beside them: see ``machine``.
    """
    well = sum(seen.healthy.get(answer.page, answer.took) for answer in seen.all)
    return max(1 - well / seen.time, 0)
