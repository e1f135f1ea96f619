"""What goes wrong with background work, and which of it is the world's fault."""

from __future__ import annotations

import sqlite3
from asyncio import CancelledError
from typing import Any, Final

from django.db import Error


class LaterError(Exception):
    """Background work can't be done as the settings say; ``hint`` names the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.hint)


#: What a site's code may raise that is no Exception, and is its failure all the same.
LEAVING: Final = (SystemExit, CancelledError)

# A closed list, by name: a broker may be of any make, and each client has classes of its own.
# redis and kombu, Django's databases and psycopg, amqp and pika, botocore.
TRANSIENT: Final = frozenset(
    {
        *("OSError", "ConnectionError", "TimeoutError", "OperationalError", "InterfaceError"),
        *("BusyLoadingError", "ReadOnlyError", "RecoverableConnectionError", "ConnectionClosed"),
        *("AMQPConnectionError", "EndpointConnectionError", "HTTPClientError"),
    }
)


def is_transient(error: BaseException) -> bool:
    """The broker is down, slow or refuses: anything else is a bug, of ours or of the settings."""
    return any(cls.__name__ in TRANSIENT for cls in type(error).__mro__)


#: Another holds a row, or the database has chosen between two of us: nobody is to blame.
_CROWDED: Final = frozenset({"55P03", "40P01", "40001"})
#: SQLSTATEs of servers that are away, full, or going down; but of one statement that asks for more
#: than the settings allow.
_AWAY: Final = ("08", "53", "57P0", "58")
_GREEDY: Final = "53400"


def is_away(error: BaseException) -> bool:
    """It is the database that can't, and it will again: nothing is wrong with what it was asked.

    The class says little where there is an SQLSTATE: what takes longer than ``statement_timeout``
    and what is too large for an index are an OperationalError too, each time anew.
    """
    if not (isinstance(error, Error) and is_transient(error)):
        return False
    state = getattr(error.__cause__, "sqlstate", None)
    if state is None:
        code = getattr(error.__cause__, "sqlite_errorcode", 0)
        return bool(code & 0xFF != sqlite3.SQLITE_ERROR)
    return is_crowded(error) or (state.startswith(_AWAY) and state != _GREEDY)


def is_crowded(error: BaseException) -> bool:
    return getattr(error.__cause__, "sqlstate", None) in _CROWDED
