"""memcached by its text protocol: small enough to speak ourselves, and several commands in a trip.

The client libraries send one ``touch`` or ``add`` at a time; a write would wait for each.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from hashlib import blake2b
from math import ceil
from time import time
from typing import Any, Final, TypeVar

from django.core.signals import setting_changed

from .._errors import CacheError, Unavailable
from ._kinds import locations, options_of
from ._pool import GoneError, Pool, SilentError

T = TypeVar("T")

MONTH: Final = 30 * 24 * 3600  # seconds; memcached takes more for a date
REFUSALS: Final = (b"ERROR", b"CLIENT_ERROR", b"SERVER_ERROR")


def expiry(seconds: float) -> int:
    """What memcached calls exptime: whole seconds, rounded up, or a date beyond a month.

    It counts ticks, so what is given N lives for more than N - 1 and at most N seconds.
    """
    whole = max(1, ceil(seconds))
    return whole if whole <= MONTH else ceil(time() + whole)


class MemcachedLink:
    """One connection; ``world`` is the server's pid and the second it started, "" if unknown."""

    def __init__(self, address: str | tuple[str, int], options: dict[str, Any]) -> None:
        self._socket = _connect(address, options)
        self._file = self._socket.makefile("rb")
        try:
            self.world = self._identify()
        except BaseException:
            self.close()
            raise

    def get(self, keys: Iterable[bytes]) -> dict[bytes, bytes]:
        """The values of those of the keys that are there."""
        return self._speak(b"get " + b" ".join(keys) + b"\r\n", self._values)

    def lines(self, commands: Sequence[bytes]) -> list[bytes]:
        """What the server says to each of the commands, in one round trip."""
        return self._speak(b"".join(commands), lambda: [self._line() for _ in commands])

    def _identify(self) -> str:
        try:
            told = dict(self._speak(b"stats\r\n", self._stats))
        except GoneError:
            raise
        except Unavailable:  # a proxy that does not know the word
            return ""
        started = int(told.get(b"time", b"0")) - int(told.get(b"uptime", b"0"))
        return f"{told.get(b'pid', b'').decode()}:{started}" if started else ""

    def _speak(self, words: bytes, listen: Callable[[], T]) -> T:
        try:
            self._socket.sendall(words)
            return listen()
        except TimeoutError as error:
            raise SilentError(f"memcached: {error}") from error
        except OSError as error:
            raise GoneError(f"memcached: {error}") from error

    def _line(self) -> bytes:
        line = self._file.readline()
        if not line.endswith(b"\r\n") or line.startswith(REFUSALS):
            raise _odd(line)
        return line[:-2]

    def _values(self) -> dict[bytes, bytes]:
        readline, read = self._file.readline, self._file.read
        found = {}
        while (line := readline()) != b"END\r\n":
            if not line.startswith(b"VALUE "):
                raise _odd(line)
            _, key, _, size = line.split(b" ", 3)
            length = int(size)
            data = read(length + 2)
            if len(data) != length + 2:
                raise GoneError("memcached closed the connection.")
            found[key] = data[:-2]
        return found

    def _stats(self) -> Iterable[tuple[bytes, bytes]]:
        said = []
        while (line := self._line()) != b"END":
            _, name, *value = line.split(b" ", 2)
            said.append((name, value[0] if value else b""))
        return said

    def close(self) -> None:
        """Close it; it may be closed already."""
        self._file.close()
        self._socket.close()


def _odd(line: bytes) -> Unavailable:
    if not line.endswith(b"\r\n"):
        return GoneError("memcached closed the connection.")
    return Unavailable(f"memcached refuses: {line.decode('ascii', 'replace').strip()}")


def _connect(address: str | tuple[str, int], options: dict[str, Any]) -> socket.socket:
    try:
        if isinstance(address, str):
            found = _connect_unix(address, options["connect_timeout"])
        else:
            found = socket.create_connection(address, options["connect_timeout"])
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            context: ssl.SSLContext | None = options.get("tls_context")
            if context is not None:  # which closes what it wraps if it fails
                found = context.wrap_socket(found, server_hostname=address[0])
    except OSError as error:
        raise SilentError(f"memcached at {address}: {error}") from error
    found.settimeout(options["timeout"])
    return found


def _connect_unix(path: str, timeout: float) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    try:
        found.settimeout(timeout)
        found.connect(path)
    except OSError:
        found.close()
        raise
    return found


class MemcachedServers:
    """The servers of an alias; a key has its place on one of them, for good.

    A server that does not answer is not left out, as the clients of Django's back ends do: its
    keys would go to another one, and when it came back its old tokens would come back with it. For
    the same reason the list must be changed in all processes at once.
    """

    def __init__(self, alias: str) -> None:
        self.alias = alias
        options = {"connect_timeout": 0.5, "timeout": 1.0, **options_of(alias).get("OPTIONS", {})}
        addresses = [address(each) for each in locations(alias)]
        if not addresses:
            raise CacheError(f"CACHES[{alias!r}] has no LOCATION.", "LOCATION = '127.0.0.1:11211'")
        self._pools = [_pool(alias, each, options) for each in addresses]

    @property
    def single(self) -> bool:
        """Whether all lies on one server."""
        return len(self._pools) == 1

    def grouped(self, keys: Iterable[bytes]) -> list[tuple[Pool[MemcachedLink], list[bytes]]]:
        """The keys by the server that has them."""
        if self.single:
            return [(self._pools[0], list(keys))]
        groups: dict[int, list[bytes]] = {}
        for key in keys:
            groups.setdefault(_place(key) % len(self._pools), []).append(key)
        return [(self._pools[number], group) for number, group in groups.items()]

    def pool(self, key: bytes) -> Pool[MemcachedLink]:
        """The connections to the server that has the key."""
        return self.grouped([key])[0][0]


def _place(key: bytes) -> int:
    return int.from_bytes(blake2b(key, digest_size=8).digest(), "big")


def _pool(alias: str, where: str | tuple[str, int], options: dict[str, Any]) -> Pool[MemcachedLink]:
    return Pool(f"The cache {alias!r} at {where}", lambda: MemcachedLink(where, options))


def address(location: str) -> str | tuple[str, int]:
    """host:port, [v6]:port, or the path of a Unix socket, as Django's back ends read LOCATION."""
    if location.startswith(("unix:", "/")):
        return location.removeprefix("unix:")
    host, _, port = location.rpartition(":")
    if not host or not port.isdigit():
        return location.strip("[]"), 11211
    return host.strip("[]"), int(port)


@cache
def memcached_servers(alias: str) -> MemcachedServers:
    """The one object of an alias in this process."""
    return MemcachedServers(alias)


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting == "CACHES":
        memcached_servers.cache_clear()


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.cache.memcached")
