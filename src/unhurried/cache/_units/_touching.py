"""What a statement touches on a database: its text's tables, and what the catalogue adds."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.base.base import BaseDatabaseWrapper

from .._sql import EVERYTHING, Tables
from . import _catalogues, _tags
from ._ties import Ties


@dataclass(frozen=True, slots=True)
class Touched:
    """Tags to fetch before it and to renew after it; ``blind``: it may read anything."""

    read: frozenset[str] = frozenset()
    written: frozenset[str] = frozenset()
    blind: bool = False


MOST = 4000


def touched(connection: BaseDatabaseWrapper, ties: Ties, found: Tables) -> Touched:
    """Remembered in the catalogue: the next one may say something else."""
    catalogue = _catalogues.of(connection)
    key = ties.database, found
    known = catalogue.touched.get(key)
    if known is None:
        if len(catalogue.touched) >= MOST:
            catalogue.touched.clear()
        reads_any, writes_any = catalogue.called(found.calls)
        known = catalogue.touched[key] = _touched(
            ties.database,
            catalogue.read(found.reads),
            catalogue.written(found.writes) if found.writes else frozenset(),
            blind=found.reads_all or reads_any,
            writes_all=found.writes_all or writes_any,
        )
    return known


def _touched(
    alias: str, read: frozenset[str], written: frozenset[str], *, blind: bool, writes_all: bool
) -> Touched:
    reads, writes = _tags.tables(alias, read), _tags.tables(alias, written)
    blind = blind or EVERYTHING in read
    if reads or blind:
        reads.add(_tags.everything(alias))
    if blind:
        reads.add(_tags.epoch(alias))
    if writes_all:
        writes.add(_tags.everything(alias))
    if writes:
        writes.add(_tags.epoch(alias))
    return Touched(frozenset(reads), frozenset(writes), blind)
