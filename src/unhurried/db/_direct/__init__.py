"""A statement without Django's cursors: the driver is handed what a cursor would hand it.

For each statement Django makes a cursor of its own and one of the driver's, which turns the text
into what the driver takes, and for psycopg copies what is known of types: of a query of one row
more than a third of the CPU. What the database is told, and what it gives, is the same; the tap
hears of it as of any other statement.

Whoever looks at cursors gets them: other wrappers of statements, observers, the log of queries, who
has put a method of their own in the place of Django's or the driver's (Sentry, the debug toolbar,
tracers), and what the way of a database says itself.
"""

from __future__ import annotations

from asyncio import get_running_loop
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, Protocol

from django.db.backends.utils import CursorWrapper

from unhurried.measure.reading import observers, tap

from . import _postgresql, _sqlite
from ._own import is_own
from ._postgresql import hasten

__all__ = ["Rows", "Way", "answered", "hasten"]

Rows = Sequence[tuple[Any, ...]]


class Way(Protocol):
    """One statement's. ``changed``: the number of rows; ``cursor``: as Django's, for the tap."""

    @property
    def cursor(self) -> Any: ...

    def send(self, sql: str, params: Sequence[Any], *beside: Any) -> Any: ...

    def close(self) -> None: ...

    @property
    def changed(self) -> int: ...

    def parts(self, size: int) -> Iterator[Rows]:
        """The rows, as tuples; asked for once."""


WAYS: Final[dict[str, Callable[[Any, str], Way | None]]] = {
    "postgresql": _postgresql.way,
    "sqlite": _sqlite.way,
}


def answered(connection: Any, sql: str, params: Sequence[Any]) -> Way | None:
    """None: this statement has to go by a cursor, and nothing has been sent."""
    way_of = WAYS.get(connection.vendor)
    if way_of is None or not _is_free(connection):
        return None
    way = way_of(connection, sql)
    if way is None:
        return None
    connection.validate_thread_sharing()
    connection.validate_no_broken_transaction()
    try:
        if connection.execute_wrappers:
            context = {"connection": connection, "cursor": way.cursor}
            tap(way.send, sql, params, False, context)  # noqa: FBT003 - as Django calls it
        else:
            way.send(sql, params)
    except BaseException:
        way.close()  # whoever keeps the error would keep it open
        raise
    return way


#: Django's own, if it is there still; whatever stands in its place later is another one.
EXECUTE: Final = is_own(CursorWrapper.execute, "django") and CursorWrapper.execute


def _is_free(connection: Any) -> bool:
    """Whether nobody is to see a cursor, and there is a connection that needs no look."""
    if CursorWrapper.execute is not EXECUTE:
        return False
    wrappers = connection.execute_wrappers
    if wrappers and (observers or len(wrappers) > 1 or wrappers[0] is not tap):
        return False
    if connection.queries_logged:
        return False
    if connection.health_check_enabled and not connection.health_check_done:
        return False
    try:
        get_running_loop()  # where Django has an error to say
    except RuntimeError:
        return True
    return False
