"""All statements of this host's processes, each with the lines that ask it and what those took."""

from __future__ import annotations

from . import _tables
from ._folding import drain_opened
from ._snapshot import reader


def told() -> tuple[list[_tables.StatementRow], list[_tables.SightingRow]]:
    """The statements of every route and unit, and the repeats that were seen. Raises StoreError."""
    drain_opened()
    source = reader()
    if source is None:
        return [], []
    source.refresh()
    known = _tables.statements(source)
    return list(known.values()), _tables.sightings(source, known)
