"""Remedies on trial: done to the querysets of one line, for as long as a block lasts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from django.db.models import Model, prefetch_related_objects

from . import _eager
from ._sites import Site

TRIED: Final = "_unhurried_tried"  # made while remedies were tried out
CHUNK: Final = 2_000  # what Django proposes for iterator()


@dataclass(frozen=True, slots=True)
class Injection:
    """A remedy to try out: at this line, for this model, do this to every fresh queryset."""

    site: Site
    model: type[Model]
    how: str  # select_related, prefetch_related, prefetch_in_chunks, undefer, drop_… of the first 2
    path: str


_injected: ContextVar[tuple[Injection, ...]] = ContextVar("unhurried_injected", default=())


@contextmanager
def trying(*injections: Injection) -> Iterator[None]:
    """Try these beside those that are being tried."""
    token = _injected.set((*_injected.get(), *injections))
    try:
        yield
    finally:
        _injected.reset(token)


def begin(queryset: Any, site: Site | None) -> None:
    """What can be done to a fresh queryset, made at ``site``."""
    if _injected.get():
        setattr(queryset._query, TRIED, True)
    for injection in _injected.get():
        if injection.site == site and injection.model is queryset.model:
            _inject(queryset, injection)


def _inject(queryset: Any, injection: Injection) -> None:
    query = queryset._query
    if injection.how == "select_related":
        query.add_select_related((injection.path,))
    elif injection.how == "prefetch_related":
        queryset._prefetch_related_lookups += (injection.path,)


def finish(queryset: Any, site: Site | None, model: type[Model]) -> list[str]:
    """What only makes sense on the finished query; the paths to be prefetched in chunks."""
    chunks = []
    for injection in _injected.get():
        if injection.site != site or injection.model is not model:
            continue
        query = queryset._query
        if injection.how == "undefer":
            names, deferring = query.deferred_loading
            names = names - {injection.path} if deferring else names | {injection.path}
            query.deferred_loading = names, deferring
        elif injection.how == "drop_prefetch_related":
            queryset._prefetch_related_lookups = tuple(
                _eager.without_prefetch(queryset._prefetch_related_lookups, injection.path)
            )
        elif injection.how == "drop_select_related":
            query.select_related = _eager.without(query.select_related, injection.path)
        elif injection.how == "prefetch_in_chunks":
            chunks.append(injection.path)
        elif getattr(query, TRIED, None) is None:  # made before the trial: at import
            _inject(queryset, injection)
    return chunks


def in_chunks(instances: Iterator[Any], paths: list[str]) -> Iterator[Any]:
    """As ``prefetch_related(*paths).iterator(chunk_size=CHUNK)`` yields them."""
    if not paths:
        yield from instances
        return
    while chunk := list(islice(instances, CHUNK)):
        prefetch_related_objects(chunk, *paths)
        yield from chunk
