"""Those whose requests cost most, in fixed memory: Space-Saving, weighted by wall time.

Metwally, Agrawal, El Abbadi, "Efficient Computation of Frequent and Top-k Elements in Data
Streams" (2005). Whoever has no place takes that of the cheapest, and its cost as his ``error``:
so much of his ``cost`` may be others'. No cost is told too low, none by more than a 64th of all
too high, and whoever has caused more than a 64th has a place. Who has not come for an hour, as
long as moments are kept, is forgotten for those who come: the flood of last week takes no place.

The store never holds an address, only hashes under a key of its own, unless ``CLIENTS`` is
"shown". Then each process names those that have a place in a file beside its slot.
"""

from __future__ import annotations

import json
import os
import secrets
from hashlib import blake2s
from heapq import heapify, heapreplace
from pathlib import Path
from threading import get_ident
from time import time
from typing import TYPE_CHECKING, Any, Final

from unhurried.conf import settings

from . import _addresses
from . import _layout as L
from ._addresses import REMEMBERED
from ._compiled import compiled
from ._locks import locked

if TYPE_CHECKING:
    from ._slot import Slot

MODES: Final = ("hashed", "shown", "off")
KEY: Final = 32  # bytes
IDLE: Final = 3600  # seconds
_WHOLE: Final = _addresses.LONGEST + 1  # characters: one more says that there were more
CLIENT, COST, ERROR, REQUESTS, FAILED, LAST = range(len(L.CLIENT))


def hashed(key: bytes, client: bytes) -> int:
    """64 bits that are never 0, which is a place nobody has."""
    return int.from_bytes(blake2s(client, key=key, digest_size=8).digest(), "little") or 1


def key_of(folder: Path) -> bytes:
    """The store's own key, made by whoever needs it first. A shorter one was cut off: made anew."""
    path = folder / "client.key"
    with locked(folder):
        key = path.read_bytes() if path.exists() else b""
        if len(key) != KEY:
            key = secrets.token_bytes(KEY)
            _write(path, key)
    return key


def _write(path: Path, data: bytes) -> None:
    """The whole file or none of it, for us alone."""
    new = path.with_name(f"{path.name}.{os.getpid()}.{get_ident()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    os.replace(new, path)


def begin(folder: Path, slot: Slot) -> Clients | None:
    """The table of this process; None where clients are not told apart."""
    if settings.CLIENTS != "shown":
        for path in folder.glob("clients-*.json*"):  # of a time when they were
            path.unlink(missing_ok=True)
    if settings.CLIENTS == "off":
        return None
    group = L.GROUPS["client"]
    lanes = slot.words[group.start : group.start + group.words]
    names = folder / f"clients-{slot.path.name.removeprefix('slot-')}.json"
    return Clients(key_of(folder), lanes, names if settings.CLIENTS == "shown" else None)


class Places:
    """Where the clients' numbers lie."""

    __slots__ = ("_known", "_lanes", "_places")

    def __init__(self, lanes: memoryview) -> None:
        self._lanes = lanes
        self._places: dict[int, int] = {}  # where a client's lanes begin
        self._known: dict[str, int] = {}  # by what was sent


if compiled is not None:
    Places = compiled.Places  # type: ignore[misc]


class Clients(Places):
    """A place for each of 64; all but ``of`` under the store's lock."""

    __slots__ = ("_heap", "_key", "_looked", "named")

    def __init__(self, key: bytes, lanes: memoryview, names: Path | None = None) -> None:
        super().__init__(lanes)
        self._key = key
        self._heap: list[tuple[int, int]] = []  # (cost, where), put right when needed
        self._looked = 0
        self.named = Named(names) if names else None
        self._take_over()

    def _take_over(self) -> None:
        """Go on from what the slot's last process has counted."""
        lanes = self._lanes
        for at in range(0, len(lanes), len(L.CLIENT)):
            client = lanes[at + CLIENT]
            if client in self._places:  # a process was killed in the middle
                lanes[at + CLIENT] = client = 0
            if client:
                self._places[client] = at
            else:
                lanes[at + COST] = 0
        self._arrange()

    def _arrange(self) -> None:
        starts = range(0, len(self._lanes), len(L.CLIENT))
        self._heap = [(self._lanes[at + COST], at) for at in starts]
        heapify(self._heap)

    def of(self, meta: dict[str, Any]) -> int:
        """Who asks, by the request's ``META``."""
        sent: str = meta.get("REMOTE_ADDR") or ""
        forwarded = meta.get("HTTP_X_FORWARDED_FOR")
        if forwarded and _addresses.may_be_proxy(sent):
            sent = forwarded[-_WHOLE:]
        return self._known.get(sent) or self._meet(sent)

    def _meet(self, sent: str) -> int:
        address = _addresses.behind(sent)
        client = hashed(self._key, address)
        if len(self._known) >= REMEMBERED:
            self._known.clear()
            if self.named is not None:
                self.named.keep(self._places)
        self._known[sent] = client
        if self.named is not None:
            self.named.met[client] = address
        return client

    def add(self, client: int, wall: int, status: int) -> None:
        """Count one request, of so many nanoseconds."""
        now = int(time())
        at = self._places.get(client)
        if at is None:
            at = self._admit(client, now)
        lanes = self._lanes
        lanes[at + COST] += wall
        lanes[at + REQUESTS] += 1
        if status >= 400:
            lanes[at + FAILED] += 1
        lanes[at + LAST] = now

    def _admit(self, client: int, now: int) -> int:
        """Put a newcomer in the place of the cheapest. A reader sees one of them, or nobody."""
        at, lanes = self._cheapest(now), self._lanes
        self._places.pop(lanes[at + CLIENT], None)
        lanes[at + CLIENT] = 0
        lanes[at + ERROR] = lanes[at + COST]
        lanes[at + REQUESTS] = lanes[at + FAILED] = 0
        lanes[at + CLIENT] = client
        self._places[client] = at
        return at

    def _cheapest(self, now: int) -> int:
        heap, lanes = self._heap, self._lanes
        cost, at = heap[0]
        while lanes[at + COST] != cost:
            heapreplace(heap, (lanes[at + COST], at))
            cost, at = heap[0]
        if now > self._looked + 60 and lanes[at + CLIENT]:
            self._looked = now
            if self._forget(now - IDLE):
                return self._cheapest(now)
        return at

    def _forget(self, before: int) -> bool:
        """Free the places of those that have not come since; whether there were any."""
        lanes = self._lanes
        idle = [client for client, at in self._places.items() if lanes[at + LAST] < before]
        for client in idle:
            at = self._places.pop(client)
            lanes[at + CLIENT] = lanes[at + COST] = 0
        if idle:
            self._arrange()
        return bool(idle)

    def save(self) -> None:
        """Write down who has a place, where that may be shown. Raises ``OSError``."""
        if self.named is not None:
            self.named.save(self._places)


class Named:
    """The addresses of those that have a place, in a file of this process's own.

    ``met``: by hash, those that may get one without being met anew.
    """

    __slots__ = ("_kept", "_path", "_saved", "met")

    def __init__(self, path: Path) -> None:
        self._path = path
        self.met: dict[int, bytes] = {}
        self._saved = self._kept = read(path)

    def keep(self, places: dict[int, int]) -> None:
        """Whoever has no place will be met anew."""
        self._kept, self.met = self._of(places), {}

    def _of(self, places: dict[int, int]) -> dict[int, str]:
        met, found = self.met, {}
        for client in tuple(places):
            if client in met:
                found[client] = _addresses.text(met[client])
            elif client in self._kept:
                found[client] = self._kept[client]
        return found

    def save(self, places: dict[int, int]) -> None:
        found = self._of(places)
        if found != self._saved:
            named = {f"{client:016x}": text for client, text in found.items()}
            _write(self._path, json.dumps(named).encode())
            self._saved = found


def read(path: Path) -> dict[int, str]:
    """The names in such a file; none where there is none, or it is no such file."""
    try:
        found = json.loads(path.read_bytes())
        return {int(client, 16): str(text) for client, text in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}
