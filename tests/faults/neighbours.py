"""What lives beside the site: a slow network, busy neighbours, somebody who holds locks.

Each is a process of its own, so that it takes nothing from the visitors' clocks:
``python -m tests.faults.neighbours delay PORT TO SECONDS`` and so on. It ends when it is told, when
its parent ends, and in any case after ``LIFE``.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import servers

ROOT = Path(__file__).parents[2]
LIFE = 120.0  # seconds: whatever happens to who started it


@contextmanager
def neighbour(*words: object) -> Iterator[subprocess.Popen[str]]:
    """It has begun; it is told by SIGTERM, and is gone after."""
    argv = [sys.executable, "-m", "tests.faults.neighbours", *map(str, words)]
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=_die_with_us,
    )
    try:
        assert process.stdout
        if process.stdout.readline() != "begun\n":
            raise servers.ServerError(f"{argv} ended with {process.wait()} before it had begun.")
        yield process
    finally:
        process.terminate()
        try:
            process.wait(servers.STOP_SECONDS)
        finally:
            process.kill()
            process.communicate()


@contextmanager
def busy(number: int) -> Iterator[None]:
    """So many processes that need a processor all the time, at normal priority."""
    if not number:
        yield
        return
    with neighbour("burn"), busy(number - 1):
        yield


@contextmanager
def slow_network(to: int, seconds: float) -> Iterator[tuple[int, Delayed]]:
    """A port that leads there, each direction ``seconds`` later; what it delayed, once left."""
    port, delayed = servers.free_port(), Delayed()
    with neighbour("delay", port, to, seconds) as process:
        yield port, delayed
        process.terminate()
        assert process.stdout
        delayed.trips, delayed.seconds, delayed.connecting = json.loads(process.stdout.readline())


class Delayed:
    """Round trips through a slow network, the seconds they took longer; those to connect apart."""

    trips = 0
    seconds = connecting = 0.0


def _die_with_us() -> None:
    servers.LIBC.prctl(servers.PR_SET_PDEATHSIG, signal.SIGTERM)


# In the process itself


def begun() -> None:
    sys.stdout.write("begun\n")
    sys.stdout.flush()


def burn() -> None:
    begun()
    until = time.monotonic() + LIFE
    while time.monotonic() < until:
        sum(range(10_000))


def hold(url: str, rows: str, held: str, pause: str) -> None:
    """Rows 1 to ``rows`` of the books, locked for ``held`` seconds again and again."""
    import psycopg

    lock = "SELECT 1 FROM books_book WHERE id <= %s ORDER BY id FOR UPDATE"
    with psycopg.connect(url) as connection:
        begun()
        until = time.monotonic() + LIFE
        while time.monotonic() < until:
            connection.execute(lock, [int(rows)])
            time.sleep(float(held))
            connection.commit()
            time.sleep(float(pause))


READY = b"Z\0\0\0\5"  # PostgreSQL's ReadyForQuery; the first ends the connecting


class Wire:
    """One connection, each of its directions later; how much later is counted as it happens."""

    trips, seconds, connecting = 0, 0.0, 0.0

    def __init__(self, delay: float) -> None:
        self.delay, self.asks, self.connects = delay, False, True

    async def carry(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, asking: bool
    ) -> None:
        """Until its source ends; what comes while a chunk waits waits its own time."""
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        sender = asyncio.create_task(self._send(waiting, target, asking=asking))
        with suppress(OSError):
            while data := await source.read(65536):
                waiting.put_nowait((time.monotonic(), data))
        waiting.put_nowait((time.monotonic(), b""))
        await sender

    async def _send(
        self,
        waiting: asyncio.Queue[tuple[float, bytes]],
        target: asyncio.StreamWriter,
        *,
        asking: bool,
    ) -> None:
        while True:
            came, data = await waiting.get()
            await asyncio.sleep(came + self.delay - time.monotonic())
            if not data:
                break
            self._count(time.monotonic() - came, asking=asking)
            if not asking and READY in data:
                self.connects = False
            with suppress(OSError):
                target.write(data)
                await target.drain()
        target.close()

    def _count(self, late: float, *, asking: bool) -> None:
        """A question, and the first part of its answer: the rest comes behind it at no cost."""
        if (asking or self.asks) and self.connects:
            Wire.connecting += late
        elif asking or self.asks:
            Wire.seconds += late
            Wire.trips += asking
        self.asks = asking


async def _delay(port: int, to: int, delay: float) -> None:
    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", to)
        for each in (writer, back):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(delay)
        await asyncio.gather(
            wire.carry(reader, back, asking=True), wire.carry(there, writer, asking=False)
        )

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, over.set)
    server = await asyncio.start_server(join, "127.0.0.1", port)
    begun()
    with suppress(TimeoutError):
        await asyncio.wait_for(over.wait(), LIFE)
    server.close()
    sys.stdout.write(json.dumps([Wire.trips, Wire.seconds, Wire.connecting]) + "\n")
    sys.stdout.flush()
    os._exit(0)  # who is connected still is not waited for


def delay(port: str, to: str, seconds: str) -> None:
    asyncio.run(_delay(int(port), int(to), float(seconds)))


WAYS = {"burn": burn, "hold": hold, "delay": delay}

if __name__ == "__main__":
    WAYS[sys.argv[1]](*sys.argv[2:])
