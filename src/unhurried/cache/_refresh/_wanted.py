"""What is wanted: in this process, or in a few numbered places of the cache where all find it.

A lost wish is late, for the next reader has it again; a double one finds the lease taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import blake2b
from threading import Lock
from time import monotonic
from typing import Any, Final

from .._engine._last import Last
from .._engine._policy import Policy
from .._errors import Unavailable
from .._stores import Store

PLACES: Final = 64
TRIES: Final = 4
TTL: Final = 60.0
MOST: Final = 1000

_here: dict[str, tuple[Policy, dict[str, Any]]] = {}
#: When the old entry (by its own moment) of each key was first wished anew, of the last MOST.
_since: Last[tuple[float, float]] = Last(MOST)
_lock = Lock()


def wish_here(key: str, policy: Policy, meta: dict[str, Any]) -> bool:
    """For this process; False if too much is wanted already."""
    with _lock:
        if len(_here) >= MOST:
            return key in _here
        _here[key] = policy, meta
        return True


def wish_anywhere(store: Store, key: str, policy: Policy, meta: dict[str, Any]) -> bool:
    """For whoever drains the lane; False if there is no place left, or no cache."""
    data = json.dumps([policy.name, policy.kind, meta]).encode()
    first = int.from_bytes(blake2b(key.encode(), digest_size=4).digest(), "little")
    try:
        return any(store.add(_place(first + n), data, TTL) for n in range(TRIES)) or (
            data in store.get_many([_place(first + n) for n in range(TRIES)]).values()
        )
    except Unavailable:
        return False


def is_overdue(key: str, created: float) -> bool:
    """Whether this old entry was wished anew so long ago that nobody seems to be able to."""
    first = _since.get(key)
    if first is None or first[0] != created:
        first = created, monotonic()
        _since.put(key, first)
    return monotonic() - first[1] > TTL


def taken_here() -> Iterator[tuple[str, Policy, dict[str, Any]]]:
    """Key, policy and ``meta`` of each."""
    while True:
        with _lock:
            if not _here:
                return
            key = next(iter(_here))
            policy, meta = _here.pop(key)
        yield key, policy, meta


def taken(store: Store) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Name, kind and ``meta`` of each, once: whoever deletes the place has it."""
    try:
        found = store.get_many([_place(n) for n in range(PLACES)])
        for place, data in found.items():
            store.release(place, data)
            name, kind, meta = json.loads(data)
            yield name, kind, meta
    except (Unavailable, ValueError, TypeError):
        return


def _place(number: int) -> str:
    return f"+wanted+{number % PLACES}"
