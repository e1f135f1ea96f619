"""Looking: one round trip, then what state the entry is in and what is to be done about it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Final

from unhurried.conf import settings
from unhurried.measure.reading import is_replayed

from .._errors import Unavailable
from .._stores import Found, Store, store_for
from .._tokens import _spool
from .._units._unit import unit_now
from . import _alone
from ._beside import unseen
from ._entry import Entry, decode
from ._last import Last
from ._lookup import NOTE, SERVED, Act, Lookup
from ._note import Note, parse
from ._policy import Policy
from ._state import Known, forbidden, is_current, is_early, state_of

NAMED: Final = "name:"
LIKELY: Final = 100  # tags that are asked for before it is known that they are needed
REPLAYED: Final = "a page is being replayed"  # what it reads is rolled back
#: The tags an entry had when we last saw it, to ask for entry and tokens in one trip. A wrong
#: guess costs a trip more, never a wrong answer.
_guesses: Last[tuple[str, ...]] = Last(20_000)
#: The same of the last entry of each name, for those that were never seen.
_of_name: Last[tuple[str, ...]] = Last(1_000)


def look(
    policy: Policy,
    key: str,
    labels: tuple[str, ...] = (),
    *,
    wrote: bool = False,
    seen: Lookup | None = None,
) -> Lookup:
    """Find the entry and judge it; ``wrote``: for a client that has just changed something.

    ``seen``: what ``glance`` has found for this very request, so that it is not asked again.
    """
    if reason := _hindered():
        return Lookup(policy, key, labels, None, reason=reason)
    if _spool.pending():
        _spool.retry()
    try:
        store = store_for(policy.alias)
        if seen is None or seen.key != key or seen.store is not store or seen.reason:
            seen = _find(Lookup(policy, key, labels, store), store)
        seen.labels = labels
        return seen if seen.reason else _decide(seen, wrote=wrote)
    except Unavailable as error:
        return Lookup(policy, key, labels, None, reason=str(error))


def glance(policy: Policy, key: str) -> Lookup:
    """Find it and judge it, for people: nothing is decided, nothing leased."""
    try:
        store = store_for(policy.alias)
        return _find(Lookup(policy, key, (), store), store)
    except Unavailable as error:
        return Lookup(policy, key, (), None, reason=str(error))


def glance_many(asked: Sequence[tuple[Policy, str, tuple[str, ...]]]) -> list[Lookup]:
    """``look`` for several things of one store, in one trip, but for what ``decided`` does."""
    if reason := _hindered():
        return [Lookup(*each, None, reason=reason) for each in asked]
    if _spool.pending():
        _spool.retry()
    lookups = [Lookup(*each, None) for each in asked]
    try:
        store = store_for(lookups[0].policy.alias)
        for lookup in lookups:
            lookup.store = store
        _find_all(lookups, store)
    except Unavailable as error:
        for lookup in lookups:
            lookup.reason = str(error)
    return lookups


def _hindered() -> str:
    """Why nothing at all may be kept now, or nothing."""
    return REPLAYED if is_replayed() else unseen()


def decided(lookup: Lookup) -> Lookup:
    """What is to be done about what was found a moment ago."""
    if lookup.reason or lookup.store is None:
        return lookup
    try:
        return _decide(lookup, wrote=False)
    except Unavailable as error:
        return Lookup(lookup.policy, lookup.key, lookup.labels, None, reason=str(error))


def _find_all(lookups: Sequence[Lookup], store: Store) -> None:
    """The same entry twice is asked for once."""
    keys = list(dict.fromkeys(lookup.key for lookup in lookups))
    tags = list(dict.fromkeys(tag for key in keys for tag in _guessed(key)))
    answer = store.get_with_tokens(keys, tags) if tags else None
    found = store.get_many(keys) if answer is None else answer[0]
    known: Known = {}
    if answer is not None:
        known[store.alias] = answer[1], dict(zip(tags, answer[2], strict=True))
    for lookup in lookups:
        entry = _entry(lookup, found)
        if entry is not None and not lookup.reason:
            lookup.state = state_of(entry, lookup.key, is_current(entry, known))


def _find(lookup: Lookup, store: Store) -> Lookup:
    """The entry and its state, in one round trip if it is as it was."""
    key, guess = lookup.key, _guessed(lookup.key)
    answer = store.get_with_tokens([key], guess) if guess else None
    if answer is not None:
        return _judged(lookup, store, guess, answer)
    found = store.get_many([key, key + NOTE])
    lookup.note = parse(found.get(key + NOTE))
    return _judged(lookup, store, guess, (found, "", None))


def _judged(lookup: Lookup, store: Store, guess: tuple[str, ...], answer: Found) -> Lookup:
    found, there, now = answer
    entry, key = _entry(lookup, found), lookup.key
    if entry is None or lookup.reason:
        return lookup
    if now is None:
        current = is_current(entry)
    elif entry.tags() is guess and [*entry.deps] == [store.alias]:  # as it was: all of it is here
        world, tokens = entry.deps[store.alias]
        current = there == world and now == [*tokens.values()]
    else:
        current = is_current(entry, {store.alias: (there, dict(zip(guess, now, strict=True)))})
    lookup.state = state_of(entry, key, current)
    return lookup


def _guessed(key: str) -> tuple[str, ...]:
    return _guesses.get(key) or ()


def _entry(lookup: Lookup, found: dict[str, bytes]) -> Entry | None:
    """What of it was found, with its tags remembered, and whether it may be served at all."""
    key = lookup.key
    lookup.entry = entry = decode(found[key]) if key in found else None
    if entry is not None:
        tags = entry.tags()
        if tags is not _guesses.get(key):
            _guesses.put(key, tags)
        lookup.reason = forbidden(tags)
    return entry


def likely(lookup: Lookup) -> list[str]:
    """The tables that it was made of before, or another one of that name."""
    tags = _guesses.get(lookup.key) or _of_name.get(lookup.policy.name) or ()
    return [tag for tag in tags if not tag.startswith(NAMED)][:LIKELY]


def remember(lookup: Lookup, entry: Entry) -> None:
    """For the next one to know what is likely."""
    _of_name.put(lookup.policy.name, entry.tags())


def noted(lookup: Lookup) -> Note:
    """What became of the last computation; it is asked for where it is not known."""
    assert lookup.store is not None
    if lookup.note is None:
        name = lookup.key + NOTE
        lookup.note = parse(lookup.store.get_many([name]).get(name))
    return lookup.note


def _decide(lookup: Lookup, *, wrote: bool) -> Lookup:
    policy, entry, state = lookup.policy, lookup.entry, lookup.state
    if entry is None or state == "missing" or (state == "changed" and policy.on_change == "wait"):
        return _claimed(lookup) or _waiting(lookup)
    elif (state == "fresh" and not is_early(entry)) or noted(lookup).backing_off:
        lookup.act = "serve"
    elif state == "changed" and wrote:
        return _claimed(lookup) or _waiting(lookup)
    elif _by_others(lookup, entry) and (state != "changed" or policy.on_change == "serve"):
        lookup.act = "refresh"
    else:
        return _claimed(lookup) or _acting(lookup, "serve")
    return lookup


def _waiting(lookup: Lookup) -> Lookup:
    """Not where the last one has left nothing: the next may not either."""
    if note := noted(lookup):
        lookup.reason = note.reason
        return _acting(lookup, "bypass")
    return _acting(lookup, "wait")


def _acting(lookup: Lookup, act: Act) -> Lookup:
    lookup.act = act
    return lookup


def _claimed(lookup: Lookup) -> Lookup | None:
    """With the lease, if it can be had; who had it before may have finished since we looked."""
    store, key, guess = lookup.store, lookup.key, _guessed(lookup.key)
    assert store is not None
    lease, holder, span = _terms(lookup)
    answer = store.claim(lease, holder, span, [key, key + NOTE], guess)
    if answer is None:
        return None
    lookup.holder = holder
    found = _judged(Lookup(lookup.policy, key, lookup.labels, store), store, guess, answer)
    found.note = parse(answer[0].get(key + NOTE))
    if found.state == "fresh" and not found.reason and found.entry != lookup.entry:
        store.release(lease, holder)
        return _acting(found, "serve")
    lookup.note = found.note or lookup.note
    return _acting(lookup, "compute")


def _by_others(lookup: Lookup, entry: Entry) -> bool:
    """Whether the background can make it: a function's call must be known from its entry, and
    where its addresses lead.
    """
    policy, meta = lookup.policy, entry.meta
    if policy.refresh is None or _alone.is_left(lookup.key):
        return False
    known = "call" in meta and meta.get("urlconf", "") is not None
    return policy.kind != "function" or known


def take(lookup: Lookup) -> bool:
    """Try to become the one who computes."""
    assert lookup.store is not None
    lease, holder, span = _terms(lookup)
    if lookup.store.add(lease, holder, span):
        lookup.holder = holder
        return True
    return False


def _terms(lookup: Lookup) -> tuple[str, bytes, float]:
    """The lease, who is to hold it, and for how many seconds: as long as it may take, and as
    somebody may be waiting for it, who is not to compute it, too.
    """
    delta = lookup.entry.delta if lookup.entry else 0.0
    return lookup.lease, secrets.token_bytes(8), max(3 * delta, settings.WAIT + 1)


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
            unit.refuse(f"it holds {lookup.policy.name}, which was stale", once=True)
        for home, (world, tokens) in entry.deps.items():
            unit.include(home, world, tokens, entry.hard)
    return entry
