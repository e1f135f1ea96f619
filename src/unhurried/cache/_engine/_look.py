"""Looking: one round trip, then what state the entry is in and what is to be done about it."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass
from math import log
from random import random
from threading import Lock
from time import time
from typing import Final, Literal

from django.db import connections

from unhurried.conf import settings
from unhurried.measure.reading import current as measured

from .._errors import Unavailable
from .._stores import Store, store_for
from .._tokens import _spool
from .._tokens._home import home_named
from .._units._ties import ties_of
from .._units._unit import unit_now
from ._backoff import backed_off
from ._entry import Entry, decode
from ._policy import Policy

State = Literal["fresh", "stale", "changed", "missing"]
Act = Literal["serve", "refresh", "compute", "wait", "bypass"]

SERVED: Final = ("serve", "refresh")
LEASE: Final = "+lease"
BACKOFF: Final = "+backoff"
LEAST_LEASE: Final = 5.0
#: XFetch's beta: Vattani, Chierichetti, Lowenstein, "Optimal Probabilistic Cache Stampede
#: Prevention", VLDB 2015.
BETA: Final = 1.0


#: True while something is made anew though it is there.
again: ContextVar[bool] = ContextVar("unhurried_again", default=False)


@dataclass(slots=True)
class Lookup:
    """What was found, and what the caller is to do.

    ``act``: "serve" the entry; "refresh": serve it and have it made anew in the background;
    "compute" and keep it (the lease is ours); "wait" for who computes; "bypass": compute, keep
    nothing. ``entry`` may be there for each of them: it is what stands in when computing fails.
    """

    policy: Policy
    key: str
    #: Names it can be invalidated by: the thing's, and its own.
    labels: tuple[str, ...]
    store: Store | None
    state: State = "missing"
    act: Act = "bypass"
    entry: Entry | None = None
    reason: str = ""
    holder: bytes = b""

    @property
    def lease(self) -> str:
        return self.key + LEASE


class _Memory:
    """The last of something for each key; the oldest keys go first."""

    def __init__(self, most: int) -> None:
        self.most, self.lock = most, Lock()
        self.kept: OrderedDict[str, object] = OrderedDict()

    def get(self, key: str) -> object:
        return self.kept.get(key)

    def put(self, key: str, value: object) -> None:
        with self.lock:
            self.kept[key] = value
            self.kept.move_to_end(key)
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)


#: The tags an entry had when we last saw it, to ask for entry and tokens in one trip. A wrong
#: guess costs a trip more, never a wrong answer.
_guesses = _Memory(20_000)
#: When an entry was last seen valid here: its data were changed after that, if at all.
_valid = _Memory(20_000)


def look(policy: Policy, key: str, labels: tuple[str, ...] = (), *, wrote: bool = False) -> Lookup:
    """Find the entry and judge it; ``wrote``: for a client that has just changed something."""
    if getattr(measured.get(), "replaying", False):
        return Lookup(policy, key, labels, None, reason="a page is being replayed")
    if _spool.pending():
        _spool.retry()
    try:
        store = store_for(policy.alias)
        lookup, blocked = _find(Lookup(policy, key, labels, store), store)
        return lookup if lookup.reason else _decide(lookup, wrote=wrote, failing=blocked)
    except Unavailable as error:
        return Lookup(policy, key, labels, None, reason=str(error))


def glance(policy: Policy, key: str) -> Lookup:
    """Find it and judge it, for people: nothing is decided, nothing leased."""
    try:
        store = store_for(policy.alias)
        return _find(Lookup(policy, key, (), store), store)[0]
    except Unavailable as error:
        return Lookup(policy, key, (), None, reason=str(error))


def _find(lookup: Lookup, store: Store) -> tuple[Lookup, bool]:
    """The entry and its state; and whether its regeneration has failed a moment ago."""
    key = lookup.key
    asked, guess = [key, key + BACKOFF], _guesses.get(key) or ()
    answer = store.get_with_tokens(asked, guess) if guess else None  # type: ignore[arg-type]
    found = store.get_many(asked) if answer is None else answer[0]
    lookup.entry = entry = decode(found[key]) if key in found else None
    if entry is None:
        return lookup, backed_off(found.get(key + BACKOFF))
    tags = tuple(entry.tags())
    _guesses.put(key, tags)
    lookup.reason = _forbidden(tags)
    if lookup.reason:
        return lookup, False
    known: dict[str, tuple[str, dict[str, int | None]]] = {}
    if answer is not None:
        known[store.alias] = answer[1], dict(zip(guess, answer[2], strict=True))  # type: ignore[call-overload]
    lookup.state = _state(entry, known, key)
    return lookup, backed_off(found.get(key + BACKOFF))


def _forbidden(tags: tuple[str, ...]) -> str:
    pending = _spool.pending()
    if pending and not pending.isdisjoint(tags):
        return "a token could not be renewed yet"
    for connection in connections.all(initialized_only=True):
        dirty = ties_of(connection).dirty
        if dirty and not dirty.isdisjoint(tags):
            return "its own transaction has changed what it depends on"
    return ""


def _state(entry: Entry, known: dict[str, tuple[str, dict[str, int | None]]], key: str) -> State:
    now = time()
    if not is_current(entry, known):
        last = _valid.get(key)
        since = entry.created if last is None else float(last)  # type: ignore[arg-type]
        return "changed" if now < max(since, entry.created) + _span(entry) else "missing"
    if now >= entry.hard:
        return "missing"
    _valid.put(key, now)
    return "fresh" if now < entry.soft else "stale"


def _span(entry: Entry) -> float:
    return entry.hard - entry.created


def is_current(
    entry: Entry, known: dict[str, tuple[str, dict[str, int | None]]] | None = None
) -> bool:
    """Whether each token it was computed from is still the one there is."""
    for home, (world, tokens) in entry.deps.items():
        there, now = (known or {}).get(home, ("", {}))
        if not tokens.keys() <= now.keys():
            where = home_named(home)
            if where is None:  # of a site that is set up otherwise
                return False
            tags = list(tokens)
            there, read = where.read(tags)
            now = dict(zip(tags, read, strict=True))
        if there != world or any(now[tag] != token for tag, token in tokens.items()):
            return False
    return True


def _decide(lookup: Lookup, *, wrote: bool, failing: bool) -> Lookup:
    policy, entry, state = lookup.policy, lookup.entry, lookup.state
    if entry is None or state == "missing":
        return _taken(lookup) if take(lookup) else _acting(lookup, "wait")
    elif (state == "fresh" and not _early(entry)) or failing:
        lookup.act = "serve"
    elif state == "changed" and (wrote or policy.on_change == "wait"):
        return _taken(lookup) if take(lookup) else _acting(lookup, "wait")
    elif _by_others(policy, entry) and (state != "changed" or policy.on_change == "serve"):
        lookup.act = "refresh"
    else:
        return _taken(lookup) if take(lookup) else _acting(lookup, "serve")
    return lookup


def _acting(lookup: Lookup, act: Act) -> Lookup:
    lookup.act = act
    return lookup


def _taken(lookup: Lookup) -> Lookup:
    """The lease is ours; but who had it before may have finished since we looked."""
    assert lookup.store is not None
    found, _ = _find(Lookup(lookup.policy, lookup.key, lookup.labels, lookup.store), lookup.store)
    if found.state == "fresh" and not found.reason and found.entry != lookup.entry:
        lookup.store.release(lookup.lease, lookup.holder)
        return _acting(found, "serve")
    return _acting(lookup, "compute")


def _by_others(policy: Policy, entry: Entry) -> bool:
    """Whether the background can make it: a function's call must be known from its entry."""
    return policy.refresh is not None and (policy.kind != "function" or "call" in entry.meta)


def _early(entry: Entry) -> bool:
    """Now and then before its time, the likelier the nearer and the dearer: so nobody waits."""
    return time() - entry.delta * BETA * log(random() or 1e-300) >= entry.soft


def take(lookup: Lookup) -> bool:
    """Try to become the one who computes."""
    assert lookup.store is not None
    delta = lookup.entry.delta if lookup.entry else 0.0
    holder = secrets.token_bytes(8)
    # nobody knows how long the first takes: until then those who wait are not to compute, too
    cold = 0.0 if lookup.entry else settings.WAIT + 1
    if lookup.store.add(lookup.lease, holder, max(3 * delta, LEAST_LEASE, cold)):
        lookup.holder = holder
        return True
    return False


def insist(lookup: Lookup) -> None:
    """Have it computed though there is one, unless somebody is at it."""
    try:
        if lookup.act in SERVED and take(lookup):
            lookup.act = "compute"
    except Unavailable as error:
        lookup.act, lookup.reason = "bypass", str(error)


def use(lookup: Lookup) -> Entry:
    """The entry as part of what is made now: who holds it depends on all it depends on."""
    entry, unit = lookup.entry, unit_now()
    assert entry is not None
    if unit is not None:
        if lookup.state in ("changed", "missing"):
            unit.refuse(f"it holds {lookup.policy.name}, which was stale")
        for home, (world, tokens) in entry.deps.items():
            unit.include(home, world, tokens, entry.hard)
    return entry
