"""Listeners on loopback, and units of work that finish at once."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from unhurried import testing
from unhurried.measure import snapshot
from unhurried.measure._record import Record
from unhurried.measure._units import finish, start
from unhurried.measure.sinks import _sender

PATIENCE = 10.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {PATIENCE} s: {what}"
        time.sleep(0.01)
    return found


def counted(name: str) -> int:
    return snapshot()["counters"].get(name, 0)


def unit(
    name: str = "feed/",
    status: int = 200,
    queries: int = 0,
    kind: str = "request",
    raised: bool = False,
) -> Record:
    """A finished unit of work."""
    record = start(kind, name)
    assert record is not None
    record.status, record.queries, record.raised = status, queries, raised
    if queries:
        record.parts[1] += 1_000_000
    finish(record)
    return record


class Datagrams:
    """A UDP listener that keeps what it gets."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self._got: list[bytes] = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while data := self.socket.recv(65536):
            self._got.append(data)

    @property
    def got(self) -> list[bytes]:
        """All that was sent before this moment: loopback keeps the order."""
        mark = f"mark {time.monotonic_ns()}".encode()
        self._send(mark)
        wait_for(lambda: mark in self._got, "the mark")
        return [data for data in self._got if not data.startswith(b"mark ")]

    def _send(self, data: bytes) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(data, ("127.0.0.1", self.port))

    def lines(self) -> list[str]:
        return [line for data in self.got for line in data.decode("ascii").split("\n")]

    def close(self) -> None:
        self._send(b"")
        self.thread.join(PATIENCE)
        self.socket.close()


class Lines:
    """A TCP listener that keeps what it gets, one connection after another."""

    def __init__(self, port: int = 0) -> None:
        self.server = socket.create_server(("127.0.0.1", port))
        self.port = self.server.getsockname()[1]
        self.data = b""
        self.open: list[socket.socket] = []
        self.thread = threading.Thread(target=self._listen, daemon=True)
        self.thread.start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self.server.accept()
            except OSError:
                return
            self.open.append(connection)
            while data := connection.recv(65536):
                self.data += data
            connection.close()

    def lines(self) -> list[str]:
        return self.data.decode("ascii").split("\n")[:-1]

    def close(self) -> None:
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:  # it is closed already
                pass
        self.server.shutdown(socket.SHUT_RDWR)
        self.thread.join(PATIENCE)
        self.server.close()


@pytest.fixture
def datagrams() -> Iterator[Datagrams]:
    listener = Datagrams()
    yield listener
    listener.close()


@pytest.fixture
def lines() -> Iterator[Lines]:
    listener = Lines()
    yield listener
    listener.close()


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.fixture
def sinks(store: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """``with sinks(log={}):`` configures sinks, which then deliver every 20 ms."""
    monkeypatch.setattr(_sender.Sender, "period", 0.02)
    monkeypatch.setattr(_sender, "AT_EXIT", PATIENCE)  # the machine may be busy

    @contextmanager
    def use(**configured: Any) -> Iterator[None]:
        with testing.override(STORE=store, SINKS=configured):
            yield

    return use
