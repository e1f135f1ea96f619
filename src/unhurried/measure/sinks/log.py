"""Sink ``log``: one structured line per request, or per slow one, through ``logging``.

Loggers ``unhurried.request`` and ``unhurried.unit``; the fields are in ``extra``, times in
seconds. A line never holds a path, a parameter or a user: the route is the pattern.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from .._record import PARTS, Record
from .._units import finished
from ._names import printable, shown
from ._options import option

LOGGERS: Final = {kind: logging.getLogger(f"unhurried.{kind}") for kind in ("request", "unit")}
#: What a line may have besides its message; times in seconds.
FIELDS: Final = (
    *("route", "unit", "status", "raised", "wall", "cpu", *PARTS),
    *("queries", "rows", "connects", "queue", "overlap", "bytes", "streamed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    slow: float = option(
        0.0,
        "Seconds from which a request is logged, as a warning; 0: every request, as info. "
        "Errors are always logged.",
        between=(0, None),
    )


def install(options: Options) -> Callable[[], None]:
    """Log what finishes from now on; returns what takes that back."""
    slow = int(options.slow * 1e9)

    def subscriber(record: Record) -> None:
        level, logger = level_of(record, slow), LOGGERS[record.kind]
        if level and logger.isEnabledFor(level):
            text, args = message(record)
            logger.log(level, text, *args, extra=fields(record))

    finished.append(subscriber)
    return lambda: finished.remove(subscriber)


def level_of(record: Record, slow: int) -> int:
    """The level of the record's line; 0 where it gets none."""
    if record.raised or record.status >= 500:
        return logging.ERROR
    if slow:
        return logging.WARNING if record.wall >= slow else 0
    return logging.INFO


def message(record: Record) -> tuple[str, tuple[object, ...]]:
    """``/feed/ 200 12.3 ms, 5 queries (4.0 ms)``, as a format and its arguments."""
    name = printable(shown(record.kind, record.name))
    status = str(record.status) if record.status else "raised" if record.raised else "done"
    queries = "1 query" if record.queries == 1 else f"{record.queries} queries"
    start = (name, status, record.wall / 1e6, queries)
    if not record.queries:
        return "%s %s %.1f ms, %s", start
    return "%s %s %.1f ms, %s (%.1f ms)", (*start, record.parts[1] / 1e6)


def fields(record: Record) -> dict[str, Any]:
    """The record's numbers by the names of FIELDS; what it had none of is left out."""
    found: dict[str, Any] = {
        "route" if record.kind == "request" else "unit": shown(record.kind, record.name),
        "raised": record.raised,
        "wall": record.wall / 1e9,
        "cpu": record.cpu / 1e9,
        **record.where,
        "queries": record.queries,
    }
    if record.status:
        found |= {"status": record.status, "bytes": record.size}
    if record.connects:
        found["connects"] = record.connects
    if record.queued is not None:
        found["queue"] = record.queued / 1e9
    rare = record.rare
    if rare is not None:
        found |= {key: n for key in ("rows", "streamed") if (n := getattr(rare, key))}
        found |= {"overlap": rare.overlap / 1e9} if rare.overlap else {}
    return found


class JSONFormatter(logging.Formatter):
    """One JSON object per line, for ``LOGGING``::

        "formatters": {"json": {"()": "unhurried.measure.sinks.log.JSONFormatter"}}

    ``time`` (ISO 8601, UTC), ``level``, ``logger``, ``message``, then the FIELDS that a line has,
    and ``exception`` where there is a traceback. It serves the lines of any logger; of their
    ``extra`` nothing else is written, because nobody knows what is in it.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        given = record.__dict__
        line |= {name: given[name] for name in FIELDS if name in given}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        try:
            return json.dumps(line, default=str, allow_nan=False)
        except (TypeError, ValueError):
            return json.dumps({name: _bearable(value) for name, value in line.items()})


def _bearable(value: Any) -> Any:
    """As text what JSON has no word for: NaN, keys that are no text, what holds itself."""
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return value
