"""From a raw request to a ready answer, or to nothing: then Django has it, and knows the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from time import time
from typing import Any, Final
from weakref import WeakSet

from django.conf import settings as django_settings
from django.core.signals import setting_changed
from django.http import HttpRequest

from .._audience._quiet import may_have
from .._engine._entry import Entry
from .._engine._look import glance
from .._engine._lookup import Lookup
from .._engine._state import forbidden, is_early, seen_valid
from .._pages import _matches, _refused
from .._pages._key import JUST_WROTE, READ, respelled
from .._pages._variants import index_of
from .._stores import store_for
from .._stores._memory import MemoryStore
from .._tokens import _spool
from .._tokens._embedded import Embedded
from .._tokens._home import home_named
from .._units._ties import dirtied
from ._asked import Asked, Memory
from ._ready import Ready

#: Bytes of bodies held here, beside those in the store.
HELD: Final = 32 * 1024 * 1024
ACCEPTS: Final = 32


class Lane:
    """Of one middleware or one front door. ``request_of`` makes a request of what it is given."""

    def __init__(self, request_of: Callable[[Any], HttpRequest]) -> None:
        self._request_of = request_of
        self._memory: Memory | None = None
        #: Whether pages may be sent before middleware; whether details are wanted, which are not
        #: told from here. Both are what the settings said when the memory was begun.
        self.open = self.debug = False
        self._held = 0
        _lanes.add(self)

    def asked(self, meta: Mapping[str, Any], scheme: str, source: Any) -> Asked | None:
        """The page, if the request may be answered from here at all."""
        memory = self._memory or self._begin()
        if not self.open or meta["REQUEST_METHOD"] not in READ:
            return None
        return memory.find(meta, scheme, source)

    def _begin(self) -> Memory:
        self.open, self.debug = _matches.allowed(), django_settings.DEBUG
        self._memory = memory = Memory(self._request_of)
        return memory

    def ready(self, asked: Asked, meta: Mapping[str, Any]) -> Ready | None:
        """A fresh answer; None for whatever is not plain."""
        found = self.found(asked, meta)
        return found if isinstance(found, Ready) else None

    def found(self, asked: Asked, meta: Mapping[str, Any]) -> Ready | Lookup | None:
        """The same; or else what was found of it, if that was looked for."""
        if self.debug or not asked.key or _is_special(meta):
            return None
        accepted = meta.get("HTTP_ACCEPT_ENCODING", "")
        ready = asked.ready.get(accepted)
        if ready is None or time() >= ready.sure or not ready.holds():
            found = self._looked_up(asked, accepted, ready)
            if not isinstance(found, Ready):
                return found
            ready = found
        elif (dirtied or _spool.pending()) and forbidden(ready.entry.tags()):
            return None
        return None if ready.quiet and may_have(meta) else ready

    def _looked_up(
        self, asked: Asked, accepted: str, before: Ready | None
    ) -> Ready | Lookup | None:
        if _refused.passes(asked.key):
            return None
        lookup = glance(asked.page.policy, asked.key)
        entry = lookup.entry
        if entry is None or lookup.reason or lookup.state != "fresh" or is_early(entry):
            return lookup
        if before is not None and before.entry.head is entry.head and before.sure < time():
            return before  # its last seconds, in which it may be made anew early
        index = index_of(entry.meta, accepted) if entry.meta.get("final") else None
        return lookup if index is None else self._made(asked, accepted, lookup, index)

    def _made(self, asked: Asked, accepted: str, lookup: Lookup, index: int) -> Ready:
        assert lookup.entry is not None
        shared = [each for each in list(asked.ready.values()) if each.index == index]
        if shared and shared[0].entry.head is lookup.entry.head:
            ready = shared[0]
        else:
            ready = Ready(lookup.entry, index, _checks(lookup.entry, lookup))
            ready.used = partial(note_use, asked)
            asked.at_hand = all(isinstance(home_named(n), Embedded) for n in lookup.entry.deps)
            self._hold(len(ready.body))
        if len(asked.ready) >= ACCEPTS:
            asked.ready.clear()
        asked.ready[accepted] = ready
        return ready

    def _hold(self, size: int) -> None:
        self._held += size
        if self._held > HELD and self._memory is not None:
            self._memory.let_go()
            self._held = size

    def forget(self) -> None:
        """The settings have changed."""
        self._memory, self._held = None, 0


def _is_special(meta: Mapping[str, Any]) -> bool:
    """With one of these only the view can say what is meant."""
    return (
        "HTTP_AUTHORIZATION" in meta
        or "HTTP_RANGE" in meta
        or "HTTP_IF_MODIFIED_SINCE" in meta
        or "HTTP_IF_MATCH" in meta
        or "HTTP_IF_UNMODIFIED_SINCE" in meta
        or "HTTP_SURROGATE_CAPABILITY" in meta
        or ("HTTP_COOKIE" in meta and JUST_WROTE in meta["HTTP_COOKIE"])
        or ("CONTENT_TYPE" in meta and bool(meta.get("QUERY_STRING")) and bool(respelled(meta)))
    )


def note_use(asked: Asked, now: float) -> None:
    """What a look at the store would have left there; once a second is enough."""
    seen_valid(asked.key, now)
    store = store_for(asked.page.policy.alias)
    if isinstance(store, MemoryStore):
        store.get_many((asked.key,))


def _checks(entry: Entry, lookup: Lookup) -> tuple[Callable[[], bool], ...]:
    """The entry need not be fetched again, for it is as good as its tokens, wherever it lies; but
    where it lies in our memory, it is forgotten with it.
    """
    store = store_for(lookup.policy.alias)
    homes = ((home_named(name), *held) for name, held in entry.deps.items())
    checks = [home.check(world, tokens) for home, world, tokens in homes if home is not None]
    if isinstance(store, MemoryStore):
        data = store.get_many((lookup.key,)).get(lookup.key, b"")
        checks.insert(0, partial(store.holds, lookup.key, data))
    return tuple(checks)


_lanes: WeakSet[Lane] = WeakSet()


def _setting_changed(**_: object) -> None:
    for lane in list(_lanes):
        lane.forget()


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.cache.lanes")
