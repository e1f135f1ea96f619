"""The roads into a table: COPY on PostgreSQL, executemany on SQLite, batched INSERT elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Model

from ._columns import Column
from ._many import Many
from ._postgres import Copy, Staged
from ._table import Table


def table_of(
    model: type[Model],
    columns: Sequence[Column],
    width: int,
    connection: Any,
    conflict: str = "",
    unique: Sequence[str] = (),
) -> Table:
    """The fastest that this database has."""
    kind: type[Table] = Many
    if connection.vendor == "postgresql" and connection.Database.__name__ == "psycopg":
        kind = Staged if conflict else Copy
    made = kind(model, columns, width, connection, conflict)
    if isinstance(made, Staged):
        made.unique = unique
    return made
