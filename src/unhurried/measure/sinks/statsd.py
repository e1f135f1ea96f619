"""Sink ``statsd``: each request, and each change of the site's instruments, by UDP to a StatsD.

In the request an event is only buffered. About once a second, and at exit, a daemon thread packs
what has come into datagrams of at most 1432 bytes (what fits an Ethernet frame, as StatsD's own
documentation advises) and sends them. An event's lines are never split over two datagrams.

``unhurried.statsd.lost`` counts the events that found the buffer full or could not be sent. UDP
itself tells of no more than a closed port: what the network drops nobody counts.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from .._instruments import changed
from .._record import Record
from .._units import finished
from ._options import HOST, PORTS, PREFIX, option
from ._sender import Sender
from ._statsd_lines import Change, Plain, Tagged, Unit

DATAGRAM: Final = 1432  # bytes
BURST: Final = 32  # datagrams; a receiver's buffer holds about 90 by Linux' default
BREATH: Final = 0.005  # seconds between bursts
TIMEOUT: Final = 0.2  # seconds, for a local send buffer that is full
RENEW: Final = 60.0  # seconds until the host's name is looked up again


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    host: str = option("127.0.0.1", "Host name or address of the StatsD server.", **HOST)
    port: int = option(8125, "Its UDP port.", between=PORTS)
    prefix: str = option("unhurried", "What every name begins with, '' for nothing.", **PREFIX)
    tags: bool = option(
        default=False,
        help="True sends the route and the status as DogStatsD tags (Datadog, Telegraf, "
        "statsd_exporter), False in the name.",
    )


class StatsD(Sender[Unit | Change]):
    name = "statsd"
    limit = 10_000

    def __init__(self, options: Options) -> None:
        self.where = options.host, options.port
        self.lines = Tagged(options.prefix) if options.tags else Plain(options.prefix)
        self.socket: socket.socket | None = None
        self.renew_at = 0.0
        self.unsure = 0  # events in the last datagram: whether the port was closed is told later
        super().__init__()

    def finished(self, record: Record) -> None:
        """Subscriber, in the request."""
        failed = record.raised or record.status >= 500
        self.put(Unit(record.kind, record.name, record.status, failed, record.wall, record.queries))

    def changed(self, kind: str, name: str, value: float) -> None:
        """Subscriber, in the request. Our own instruments are not sent: a loss would cause more."""
        if not name.startswith("unhurried."):
            self.put(Change(kind, name, value))

    def deliver(self) -> None:
        for sent, (datagram, events) in enumerate(self.datagrams(), 1):
            self.send(datagram, events)
            if not sent % BURST:
                time.sleep(BREATH)

    def datagrams(self) -> Iterator[tuple[bytes, int]]:
        """(datagram, number of events in it) for what is buffered now."""
        packed, events = bytearray(), 0
        for _ in range(len(self.buffer)):
            block = self.lines.block(self.buffer.popleft()).encode()
            if not block or len(block) > DATAGRAM:
                self.lose(1)
                continue
            if packed and len(packed) + 1 + len(block) > DATAGRAM:
                yield bytes(packed), events
                packed, events = bytearray(), 0
            packed += b"\n" + block if packed else block
            events += 1
        if packed:
            yield bytes(packed), events

    def send(self, datagram: bytes, events: int) -> None:
        try:
            connected = self.connected()
            try:
                connected.send(datagram)
            except ConnectionRefusedError:  # told of the datagram before; this one was not sent
                self.lose(self.unsure)
                self.unsure = 0
                connected.send(datagram)
            self.unsure = events
        except (OSError, UnicodeError):  # the latter: no host can be called so
            self.lose(events)
            self.close()

    def connected(self) -> socket.socket:
        """A UDP socket that knows its peer, so that a closed port is told; raises OSError."""
        if self.socket is not None and time.monotonic() < self.renew_at:
            return self.socket
        self.close()
        found = socket.getaddrinfo(*self.where, type=socket.SOCK_DGRAM)
        family, kind, protocol, _, address = found[0]
        self.socket = socket.socket(family, kind, protocol)
        self.socket.settimeout(TIMEOUT)
        self.socket.connect(address)
        self.renew_at = time.monotonic() + RENEW
        return self.socket

    def close(self) -> None:
        self.unsure = 0
        if self.socket is not None:
            self.socket.close()
            self.socket = None


def install(options: Options) -> Callable[[], None]:
    """Send what happens from now on; returns what takes that back."""
    sender = StatsD(options)
    finished.append(sender.finished)
    changed.append(sender.changed)

    def remove() -> None:
        finished.remove(sender.finished)
        changed.remove(sender.changed)
        sender.stop()

    return remove
