"""What goes wrong with background work, and which of it is the world's fault."""

from __future__ import annotations

from asyncio import CancelledError
from typing import Final


class LaterError(Exception):
    """Background work can't be done as the settings say; ``hint`` names the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint


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
