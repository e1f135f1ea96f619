"""Computing an entry: recorded, fenced by the lease, and kept only where its tokens are known."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Token
from time import monotonic, time
from types import TracebackType
from typing import Any

from django.apps import apps
from django.db import connections

from .._errors import Unavailable
from .._tokens import _spool
from .._tokens._home import home_of_tag
from .._units import _ends, _requests, _tags
from .._units._ties import ties_of
from .._units._unit import Unit, current, loose, unit_now
from . import _counts, _note
from ._around import surroundings
from ._entry import Dependencies, Entry, encode
from ._last import Last
from ._look import likely, remember, use
from ._lookup import NOTE, Lookup

logger = logging.getLogger("unhurried")

SITES = "django.contrib.sites"
#: Keys of what has written something when it was made last.
_writing: Last[bool] = Last(10_000)


class Computing:
    """``with Computing(lookup) as computing: … computing.keep((body,), meta)``.

    Leaving it without ``keep`` gives the lease back. ``refused`` says why nothing was kept.
    """

    def __init__(self, lookup: Lookup) -> None:
        self.lookup = lookup
        self.refused = lookup.reason
        self.kept = False
        #: What refuses it now need not refuse the next one.
        self.once = False
        self._token: Token[Unit | None] | None = None

    def __enter__(self) -> Computing:
        #: What its key says; what is made may leave another language behind.
        self.around = surroundings()
        unit = unit_now()
        if unit is None:
            unit = Unit(recording=True)
            self._token = current.set(unit)
            if self.lookup.policy.kind == "fragment" and loose.get():
                self.refuse("it is of no request, and something was read before it")
        self.unit = unit
        if self.lookup.act == "compute":
            self.refused = self.refused or _requests.begun(unit)
        self.created, self._began = time(), monotonic()
        names = [_tags.named(name) for name in (self.lookup.policy.name, *self.lookup.labels)]
        if apps.is_installed(SITES):  # which are kept in the process: no statement tells
            names.append(_tags.table("default", "django_site"))
        if self.lookup.act == "compute" and not self.refused:
            _expect(unit, [*names, *likely(self.lookup)])
        unit.see("default", names, snapshot=False)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._token is not None:
            current.reset(self._token)
        if not self.kept:
            failed = isinstance(error, Exception)
            self._count(failed=failed)
            self._tell(failed=failed)
            release(self.lookup)

    def _count(self, *, failed: bool) -> None:
        if failed:
            return _counts.note(self.lookup.policy.name, "failed")
        policy, what = self.lookup.policy, "bypassed" if self.lookup.act == "bypass" else "unstored"
        _counts.refused(policy.name, what, self.refused, policy.kind)

    def refuse(self, reason: str) -> None:
        self.refused = self.refused or reason

    def wrote(self, table: str) -> str:
        """Refuse what itself has written a row while it was made, and say so.

        What it shows may be one reader's: a challenge that lies in a row, a number that was drawn.
        Some write the first time only, as who makes a thumbnail does, so the next may be kept.
        """
        if not self.refused:
            self.once = not _writing.get(self.lookup.key)
            _writing.put(self.lookup.key, value=True)
        self.refuse(reason := f"it wrote {table}")
        return reason

    def keep(self, bodies: tuple[bytes, ...], meta: dict[str, Any]) -> Entry:
        """The entry, stored if it may be."""
        entry = self._entry(bodies, meta)
        self.unit.until = entry.hard  # what is made around it is no longer good than it
        if not self.refused and self.unit.unstorable:
            self.refused, self.once = self.unit.unstorable, self.unit.once
        self.refused = self.refused or self._late(entry)
        if self.refused or self.lookup.act != "compute" or self.lookup.store is None:
            return entry
        try:
            self.kept = self._store(entry)
        except Unavailable as error:
            self.refused, self.once = str(error), True
        if self.kept:
            _counts.stored(self.lookup.policy, entry)
        return entry

    def _entry(self, bodies: tuple[bytes, ...], meta: dict[str, Any]) -> Entry:
        policy, unit = self.lookup.policy, self.unit
        hard = min(self.created + policy.hard, unit.until)
        soft = min(self.created + policy.soft, hard)
        delta = monotonic() - self._began
        return Entry(self.created, soft, hard, delta, _dependencies(unit), meta, bodies)

    def _late(self, entry: Entry) -> str:
        pending = _spool.pending()
        if pending and not pending.isdisjoint(entry.tags()):
            return "a token could not be renewed yet"
        return "it took longer than it may be kept" if time() >= entry.hard else ""

    def _store(self, entry: Entry) -> bool:
        lookup, policy = self.lookup, self.lookup.policy
        assert lookup.store is not None
        span = 2 * policy.hard  # so that changed data may be served as long after the change
        kept = lookup.store.set_if(lookup.key, encode(entry), span, lookup.lease, lookup.holder)
        if not kept:
            self.refused, self.once = "somebody else computed it meanwhile", True
        else:
            remember(lookup, entry)
            _writing.drop(lookup.key)
            if lookup.note:
                lookup.store.delete(lookup.key + NOTE)
        return kept

    def _tell(self, *, failed: bool) -> None:
        if failed or (self.refused and not self.once):
            note(self.lookup, self.refused, failed=failed)


def note(lookup: Lookup, reason: str, *, failed: bool = False) -> None:
    """Tell those who wait, and who comes in the next seconds, that there may be nothing."""
    if lookup.store is None or not lookup.holder:
        return
    key = lookup.key + NOTE
    try:
        before = _note.parse(lookup.store.get_many([key]).get(key)) if failed else _note.NOTHING
        data, ttl = _note.failed(before) if failed else _note.refused(reason)
        lookup.store.set(key, data, ttl)
    except Unavailable:
        pass


def release(lookup: Lookup) -> None:
    """Give the lease back, if it is still ours."""
    if lookup.store is None or not lookup.holder:
        return
    holder, lookup.holder = lookup.holder, b""  # once is enough
    try:
        lookup.store.release(lookup.lease, holder)
    except Unavailable:
        pass


def _expect(unit: Unit, tags: list[str]) -> None:
    """What it has read the last time, it will most likely read again."""
    known = {_tags.alias_of(tag) for tag in tags}
    kept = [alias for alias in known if alias in connections and _has_epoch(alias)]
    unit.expect(kept, tags)


def _has_epoch(alias: str) -> bool:
    connection = connections[alias]
    return _ends.has_epoch(connection, ties_of(connection))


def _dependencies(unit: Unit) -> Dependencies:
    deps: Dependencies = {home: (world, {}) for home, world in unit.worlds.items()}
    for tag, token in unit.tokens.items():
        deps[home_of_tag(tag).name][1][tag] = token
    return {home: each for home, each in deps.items() if each[1]}


@contextmanager
def own_unit() -> Iterator[Unit]:
    """A unit of its own, for what is made with nobody waiting."""
    unit = Unit(recording=True)
    token = current.set(unit)
    try:
        yield unit
    finally:
        current.reset(token)


def stand_in(lookup: Lookup, error: Exception) -> Entry:
    """The old entry, until its ttl is over; without one, the error is the caller's.

    Nor does it stand in where nobody is to get what has changed since.
    """
    entry = lookup.entry
    never = lookup.state == "changed" and lookup.policy.on_change == "wait"
    if entry is None or lookup.act != "compute" or lookup.state == "missing" or never:
        raise error
    logger.error(
        "%s could not be computed anew; the one of %.0f s ago is served.",
        *(lookup.key.rpartition("|")[2], time() - entry.created),
        exc_info=error,
    )
    return use(lookup)
