"""Connections to a server, kept and lent."""

from __future__ import annotations

import gc
import socket
import warnings

from unhurried.cache._servers._pool import Pool


class Wire:
    """A connection, with the socket that Python ends in its own way."""

    def __init__(self) -> None:
        self.socket, self.other = socket.socketpair()

    def close(self) -> None:
        self.socket.close()
        self.other.close()


def test_one_in_a_circle_closes_what_is_idle_before_it_is_collected() -> None:
    """As where a middleware, which knows itself, has one: Python would warn of each socket."""
    pool = Pool("a server", Wire)
    wire = pool.ask(lambda wire: wire)
    sockets = wire.socket, wire.other
    pool.itself = pool  # type: ignore[attr-defined]
    del pool, wire
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gc.collect()
    assert not [each for each in sockets if each.fileno() != -1]
