"""Sink ``graphite``: the host's merged numbers to a Carbon, every ten seconds.

Graphite's plaintext protocol, https://graphite.readthedocs.io/en/latest/feeding-carbon.html:
``path value timestamp`` per line, by TCP. The elected process of the host sends (see _sampler),
from a thread of its own: neither requests nor the sampler wait for the network.

While Carbon is down readings are kept, ten minutes' worth, and sent with their own timestamps
when it is back. What is dropped meanwhile, the oldest first, is counted in lines in
``unhurried.graphite.lost``. The reading sent before a connection broke is sent again: Carbon
acknowledges nothing, and a point that comes twice is the same point.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, Final, NamedTuple

from .. import _sampler
from .._errors import say_once
from ._names import path, prefix, route_path
from ._options import HOST, PORTS, PREFIX, option
from ._sender import Sender

TIMEOUT: Final = 1.0  # seconds for connecting, and for one reading to be taken off our hands
LONGEST_WAIT: Final = 60.0  # seconds between attempts, doubled from one second
UNACKNOWLEDGED: Final = 15_000  # milliseconds until Linux gives up a peer that has vanished

WALL: Final = ("p50", "p95", "p99")  # seconds
QUERIES: Final = ("p50", "p95")
SUMMARY: Final = ("p50", "p95", "p99", "max")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    host: str = option("127.0.0.1", "Host name or address of Carbon's line receiver.", **HOST)
    port: int = option(2003, "Its TCP port.", between=PORTS)
    prefix: str = option(
        "unhurried.{host}", "What every path begins with; {host} is this host's name.", **PREFIX
    )


class Reading(NamedTuple):
    """The lines of one moment, ready to send."""

    data: bytes
    lines: int


class Graphite(Sender[Reading]):
    name = "graphite"
    limit = 60  # readings

    def __init__(self, options: Options) -> None:
        self.where = options.host, options.port
        self.prefix = prefix(options.prefix)
        self.reset()
        super().__init__()

    def reset(self) -> None:
        self.socket: socket.socket | None = None
        self.last: Reading | None = None
        self.wait, self.retry_at = 1.0, 0.0

    def take(self, numbers: Mapping[str, Any]) -> None:
        """Subscriber, in the sampler's thread: buffer the snapshot as lines."""
        now = int(time.time())
        lines = [
            f"{self.prefix}{name} {value} {now}\n"
            for name, value in points(numbers)
            if isfinite(value)
        ]
        with self.lock:
            self.buffer.append(Reading("".join(lines).encode(), len(lines)))
            self.shorten()
        self.start()

    def deliver(self) -> None:
        if not self.buffer or time.monotonic() < self.retry_at:
            return
        while (reading := self.next()) is not None:
            try:
                self.connected().sendall(reading.data)
            except (OSError, UnicodeError) as error:  # the latter: no host can be called so
                return self.fail(error, reading)
            self.last = reading

    def next(self) -> Reading | None:
        with self.lock:
            return self.buffer.popleft() if self.buffer else None

    def connected(self) -> socket.socket:
        """A connection that was not closed by the other side, as far as we have been told."""
        if self.socket is not None and hung_up(self.socket):
            raise ConnectionResetError("Carbon closed the connection")
        if self.socket is None:
            self.socket = socket.create_connection(self.where, timeout=TIMEOUT)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                level = socket.IPPROTO_TCP
                self.socket.setsockopt(level, socket.TCP_USER_TIMEOUT, UNACKNOWLEDGED)
            self.wait = 1.0
        return self.socket

    def fail(self, error: OSError | UnicodeError, reading: Reading) -> None:
        """Put back what was not sent, or perhaps not; at once if there was a connection."""
        had_one, last = self.socket is not None, self.last
        self.close()
        with self.lock:
            self.buffer.appendleft(reading)
            self.shorten()
            if last is not None and len(self.buffer) < self.limit:
                self.buffer.appendleft(last)
        if not had_one or isinstance(error, TimeoutError):
            say_once("Carbon at %s:%d can't be reached: %s.", *self.where, error)
            self.retry_at = time.monotonic() + self.wait
            self.wait = min(2 * self.wait, LONGEST_WAIT)

    def shorten(self) -> None:
        """Drop the oldest beyond the limit; the lock is held."""
        while len(self.buffer) > self.limit:
            self.lost += self.buffer.popleft().lines

    def left(self) -> int:
        with self.lock:
            return sum(reading.lines for reading in self.buffer)

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
        self.socket = self.last = None


def hung_up(connection: socket.socket) -> bool:
    """Whether the other side has closed; raises OSError for what else went wrong since."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    finally:
        connection.settimeout(TIMEOUT)


def points(numbers: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """(path, value) for everything in a snapshot.

    Counts are totals since the store was made: ``nonNegativeDerivative()`` makes rates of them.
    Quantiles are those of the last ten seconds where the snapshot has them (``last``), and then
    only of what happened in them; else of all time.
    """
    last = numbers.get("last")
    yield "workers", numbers["workers"]
    for route in numbers["routes"].values():
        yield from _route(route["name"], route, last)
    for name, value in numbers["counters"].items():
        yield f"counter.{path(name)}", value
    for name, value in numbers["gauges"].items():
        yield f"gauge.{path(name)}", value
    for name, rates in numbers["meters"].items():
        yield from ((f"meter.{path(name)}.{key}", value) for key, value in rates.items())
    for kind in ("histogram", "timer"):
        for name, summary in numbers[f"{kind}s"].items():
            recent = summary if last is None else last[f"{kind}s"].get(name, {})
            yield from _summary(f"{kind}.{path(name)}", summary, recent)


def _route(
    name: str, route: Mapping[str, Any], last: Mapping[str, Any] | None
) -> Iterator[tuple[str, float]]:
    base = f"{route['kind']}.{route_path(name, route['kind'])}"
    yield f"{base}.count", route["requests"]
    yield f"{base}.errors", route["errors"]
    recent = route if last is None else last["routes"].get(f"{route['kind']}\t{name}")
    if recent is not None:
        yield from ((f"{base}.wall.{key}", recent["wall"][key]) for key in WALL)
        yield from ((f"{base}.queries.{key}", recent["queries"][key]) for key in QUERIES)


def _summary(
    base: str, total: Mapping[str, float], recent: Mapping[str, float]
) -> Iterator[tuple[str, float]]:
    yield f"{base}.count", total["count"]
    yield f"{base}.sum", total["sum"]
    yield from ((f"{base}.{key}", recent[key]) for key in SUMMARY if key in recent)


def install(options: Options) -> Callable[[], None]:
    """Send every ten seconds from now on; returns what takes that back."""
    sender = Graphite(options)
    _sampler.every.append(sender.take)

    def remove() -> None:
        _sampler.every.remove(sender.take)
        sender.stop()

    return remove
