"""``bulk_copy(Model, rows)``: rows of any kind into a table, by the fastest road there is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter, itemgetter
from typing import Any, Literal

from django.db import router, transaction
from django.db.models import Model

from .._errors import CopyError, DbError
from ._conflict import Update
from ._load import Load
from ._rows import Source
from ._stock import check

OnError = Literal["raise", "collect"]
Returning = Literal["count", "pks"]


@dataclass(frozen=True, slots=True)
class CopyResult:
    """What has come of it.

    ``count``: rows that were stored. ``pks``: their primary keys, in the order of the input, if
    asked for. ``road``: "copy" or "executemany". ``seconds``: of the wall. ``errors``: with
    ``on_error="collect"`` a CopyError for each row that was left out, in their order.
    """

    count: int
    pks: list[Any] | None
    road: str
    seconds: float
    errors: list[CopyError]


def bulk_copy(
    model: type[Model],
    rows: Iterable[Any],
    *,
    fields: Sequence[str] | None = None,
    conflict: Literal["ignore"] | Update | None = None,
    returning: Returning = "count",
    on_error: OnError = "raise",
    progress: Callable[[int], Any] | None = None,
    using: str | None = None,
) -> CopyResult:
    """Store many rows, as ``bulk_create`` would: by COPY on PostgreSQL, by ``executemany`` else.

    Args:
        rows: tuples or lists, with ``fields``; dicts; dataclasses, named tuples or msgspec Structs;
            instances; or an open CSV, whose first line names the fields unless ``fields`` does.
            Any iterable: some thousand rows are kept at a time.
        fields: names of what the rows have, in their order.
        conflict: "ignore" leaves a row as it is that is there already; ``Update(fields, unique)``
            changes it.
        returning: "pks": the result has the primary keys.
        on_error: "collect" stores the others, and returns the error of each row that can't be.
        progress: called with the number of rows read so far, some thousand later each time.
        using: alias of the database; the router's by default.

    Raises:
        CopyError: a row can't be stored; then none is.
        DbError: an argument is wrong, or the model's ``bulk_create`` is not Django's.
    """
    if on_error not in ("raise", "collect"):
        raise DbError(f"bulk_copy: on_error={on_error!r} is unknown.", "It is raise or collect.")
    if returning == "pks" and conflict is not None:
        raise DbError(
            "bulk_copy: of rows that are there already nobody knows the key.",
            "Copy without conflict=, or count.",
        )
    if returning not in ("count", "pks"):
        raise DbError(f"bulk_copy: returning={returning!r} is unknown.", "It is count or pks.")
    check(model)
    began = time.perf_counter()
    alias = using or router.db_for_write(model)
    with transaction.atomic(using=alias):
        load = Load(model, Source(model, rows, fields), alias, conflict)
        load.collects, load.progress = on_error == "collect", progress
        load.pks = [] if returning == "pks" else None
        load.all()
    seconds = time.perf_counter() - began
    pks = None if load.pks is None else [pk for _, pk in sorted(load.pks, key=itemgetter(0))]
    errors = sorted(load.errors, key=attrgetter("row_number"))
    return CopyResult(load.count, pks, load.road, seconds, errors)
