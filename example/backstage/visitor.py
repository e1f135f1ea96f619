"""A visitor's keep-alive connection, which leaves the machine to the site: it speaks little HTTP.

``http.client`` takes 0.2 ms of a processor for a page, as long as a kept page itself; this takes a
quarter of it.
"""

import socket
from typing import Self

PATIENCE = 60  # seconds for one answer
ROOM = 1 << 18  # bytes read at once
END_OF_HEAD, LAST_CHUNK = b"\r\n\r\n", b"0\r\n\r\n"


class Connection:
    """To one port of this machine; opened when it is needed, anew if it was closed."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket: socket.socket | None = None
        self._read = bytearray(ROOM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def ask(self, request: bytes) -> int:
        """The status of the answer, once all of it has been read. Raises OSError without one."""
        try:
            return self._asked(self._socket or self._open(), request)
        except OSError:
            self.close()
            raise

    def _open(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self._socket

    def _asked(self, connection: socket.socket, request: bytes) -> int:
        connection.sendall(request)
        head, size = self._head(connection)
        length = _value(head, b"content-length:")
        if length is not None:
            self._skip(connection, int(length) - size)
        elif _value(head, b"transfer-encoding:") == b"chunked":
            self._skip_chunks(connection, size, len(head))
        else:
            raise ConnectionError("An answer has neither a length nor chunks.")
        if _value(head, b"connection:") == b"close":
            self.close()
        return int(head[9:12])

    def _head(self, connection: socket.socket) -> tuple[bytes, int]:
        """The head in lower case, and how much of the body has come with it."""
        size = 0
        while (end := self._read.find(END_OF_HEAD, 0, size)) < 0:
            size += self._more(connection, size)
        end += len(END_OF_HEAD)
        return bytes(self._read[:end]).lower(), size - end

    def _more(self, connection: socket.socket, start: int = 0) -> int:
        with memoryview(self._read) as room:
            size = connection.recv_into(room[start:])
        if not size:
            raise ConnectionError("The connection was closed before the end of an answer.")
        return size

    def _skip(self, connection: socket.socket, left: int) -> None:
        while left > 0:
            left -= self._more(connection)

    def _skip_chunks(self, connection: socket.socket, size: int, start: int) -> None:
        """Until the last one has come. No page of the site ends like it by itself."""
        end = bytes(self._read[start : start + size])
        while not end.endswith(LAST_CHUNK):
            size = self._more(connection)
            end = end[-len(LAST_CHUNK) :] + bytes(self._read[max(size - len(LAST_CHUNK), 0) : size])


def _value(head: bytes, name: bytes) -> bytes | None:
    """Of the header ``name``, in lower case."""
    start = head.find(b"\r\n" + name)
    if start < 0:
        return None
    start += 2 + len(name)
    return head[start : head.index(b"\r\n", start)].strip()
