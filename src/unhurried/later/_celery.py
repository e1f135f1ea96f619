"""Kicks through Celery. Imported only where ``LATER`` says so."""

from __future__ import annotations

from typing import Any, Final

import celery

from ._errors import is_transient
from ._lanes import run

NAME: Final = "unhurried.drain"
TIMEOUT: Final = 1.0  # seconds, for each of connecting, sending and being answered
EXPIRES: Final = 600  # seconds: workers that come back find few kicks, and one is enough

# By the driver's own names: kombu hands them on as they are.
TIMEOUTS: Final = {
    "redis": {"socket_timeout": TIMEOUT, "socket_connect_timeout": TIMEOUT},
    "amqp": {"read_timeout": TIMEOUT, "write_timeout": TIMEOUT},
}

_app: Any = None
_parents: list[Any] = []  # never collected: closing them would say goodbye in the parent's name


@celery.shared_task(name=NAME, ignore_result=True)  # type: ignore[untyped-decorator]
def drain(lane: str, label: str = "") -> None:
    """What the worker runs. The label is for whoever watches."""
    run(lane, worker=True)


def install() -> None:
    """Remember the site's app: Celery knows it only in the thread that has made it."""
    global _app
    _app = celery.current_app._get_current_object()


def app() -> Any:
    if _app is None:
        install()
    return _app


class CeleryBroker:
    """Publishes over a connection of its own: the pool's may wait for ever, and retry for long."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._producer: Any = None

    def send(self, lane: str, label: str) -> bool:
        if app().conf.task_always_eager:
            return False
        if self._producer is not None:
            try:
                return self._publish(lane, label)
            except Exception as error:
                self._close()
                if not is_transient(error):
                    raise
                # The broker may have been started anew since: once more, over a new connection.
        try:
            self._open()
            return self._publish(lane, label)
        except Exception:
            self._close()
            raise

    def _open(self) -> None:
        """Try each of the site's brokers once."""
        self._connection = connection = app().connection_for_write(connect_timeout=TIMEOUT)
        others = max(len(connection.alt) - 1, 0)
        connection.transport_options.update(
            TIMEOUTS.get(connection.get_transport_cls().driver_type, {}),
            max_retries=others,
            interval_start=0,
            interval_step=0,
        )
        self._producer = app().amqp.Producer(connection, auto_declare=False)

    def _publish(self, lane: str, label: str) -> bool:
        app().tasks[NAME].apply_async(
            (lane, label),
            producer=self._producer,
            retry=False,
            expires=EXPIRES,
            add_to_parent=False,
            shadow=f"{NAME} {lane}" + (f": {label}" if label else ""),
        )
        return True

    def _close(self) -> None:
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.release()

    def after_fork(self) -> None:
        """Open another when it is wanted, and leave the parent's as it is."""
        _parents.append((self._connection, self._producer))
        self._connection = self._producer = None
