"""The ends of a transaction: touch before COMMIT, renew after it, whatever has come of it.

``on_commit`` is no place for this: the rollback of an inner savepoint drops its hooks, a hook that
raises skips those behind it, manual mode refuses them, and a COMMIT in doubt clears them all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, wraps
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper

from unhurried.conf import settings
from unhurried.measure.reading import compiled

from .._errors import Unavailable, WriteRefused
from .._tokens import _spool
from .._tokens._embedded import Embedded
from .._tokens._home import Home, home_of
from . import _catalogues, _tags
from ._ties import Ties, make_clean, ties_of

#: Told of the tags that have just been renewed; called after each end, so it takes microseconds.
renewed: list[Callable[[Iterable[str]], None]] = []
#: Something in this process is ``strict``: what can't be announced must not be written.
strict: set[str] = set()


def attach(connection: BaseDatabaseWrapper) -> None:
    """Wrap the ends of this connection's transactions, on the instance, once."""
    if getattr(connection, "unhurried_ends", False):
        return
    connection.unhurried_ends = True  # type: ignore[attr-defined]
    for method in ("commit", "rollback", "close", "set_autocommit"):
        setattr(connection, method, _ending(connection, method))


def _ending(connection: BaseDatabaseWrapper, method: str) -> Callable[..., Any]:
    """For what ends a transaction without a word, too, or may: closing, turning autocommit on."""
    ties, original = ties_of(connection), getattr(connection, method)
    may_commit = method in ("commit", "set_autocommit")

    @wraps(original)
    def end(*args: Any, **kwargs: Any) -> Any:
        if not ties.dirty:
            ties.used = False
            return original(*args, **kwargs)
        if may_commit:
            touch(connection, ties)
        try:
            return original(*args, **kwargs)
        finally:  # also where nobody can tell whether it was committed
            renew(connection, ties)

    return end if compiled is None else compiled.Ending(ties, original, end)


def has_epoch(connection: BaseDatabaseWrapper, ties: Ties) -> bool:
    """Whether every write on this database renews its epoch."""
    embedded = isinstance(home_of(ties.database), Embedded)
    return embedded or connection.vendor == "sqlite" or settings.EPOCH


def touch(connection: BaseDatabaseWrapper, ties: Ties) -> None:
    """Give the tokens their deadline: if we die before renewing them, they vanish by themselves."""
    for home, tags in _by_home(connection, ties, ties.dirty):
        try:
            home.touch(tags, settings.DEADLINE)
        except Unavailable as error:
            if strict:
                raise WriteRefused(connection.alias, error) from error
            _spool.failed(home, tags)


def renew(connection: BaseDatabaseWrapper, ties: Ties) -> None:
    """New tokens for all that was written: what was made of the old data is stale from here on."""
    ties.used = False
    dirty = make_clean(ties)
    if ties.ddl:  # what was read of the catalogue meanwhile did not have it yet
        ties.ddl = False
        _catalogues.forget(connection.alias)
    for home, tags in _by_home(connection, ties, dirty):
        try:
            home.renew(tags, settings.DEADLINE)
        except Unavailable:
            _spool.failed(home, tags)
    for listener in renewed:
        listener(dirty)


def _by_home(
    connection: BaseDatabaseWrapper, ties: Ties, tags: set[str]
) -> list[tuple[Home, Sequence[str]]]:
    found = _by_alias(frozenset(tags), ties.database, has_epoch(connection, ties))
    return [(home_of(alias), each) for alias, each in found]


@lru_cache(maxsize=4096)
def _by_alias(
    tags: frozenset[str],
    database: str,
    keeps_epoch: bool,  # noqa: FBT001 - a key
) -> Sequence[tuple[str, Sequence[str]]]:
    """The tags of each alias, the epoch first: readers look at it last."""
    found: dict[str, list[str]] = defaultdict(list)
    epoch = _tags.epoch(database)
    for tag in sorted(tags, key=lambda tag: (tag != epoch, tag)):
        if tag != epoch or keeps_epoch:
            found[_tags.alias_of(tag)].append(tag)
    return [(alias, tuple(each)) for alias, each in found.items()]
