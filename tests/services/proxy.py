"""A TCP proxy on loopback, as a network that can be cut and mended."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class Proxy:
    """From ``port`` to another one; while it is cut, who knocks is turned away."""

    def __init__(self, to: int) -> None:
        self.to, self._whole = to, True
        self._lock, self._ends = threading.Lock(), set[socket.socket]()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Proxy:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes who accepts
        self._listener.close()

    def cut(self) -> None:
        with self._lock:
            self._whole = False
            for end in self._ends:
                with suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def mend(self) -> None:
        with self._lock:
            self._whole = True

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._join(client)

    def _join(self, client: socket.socket) -> None:
        with self._lock:
            if not self._whole:
                client.close()
                return
            server = socket.create_connection(("127.0.0.1", self.to))
            self._ends |= {client, server}
        for ends in ((client, server), (server, client)):
            threading.Thread(target=self._carry, args=ends, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)  # its carrier ends as well
        with self._lock:
            self._ends.discard(source)
        source.close()
