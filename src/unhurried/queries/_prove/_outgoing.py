"""Connections to the outside, refused while a page is replayed.

Python's own audit events (PEP 578) tell of each before it is made, by whatever library: nothing is
patched. The hook stays for the life of the process, as such hooks do; it does nothing but look
whether anything is being refused.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final


class OutgoingError(ConnectionError):
    """As if nobody listened there, so that code that is ready for that goes on."""

    def __init__(self, target: str) -> None:
        super().__init__(
            f"{target} was not asked: while a page is replayed nothing goes out. What the page "
            "does with the answer is not seen."
        )
        self.target = target


def behind(error: BaseException | None) -> str:
    """What was refused that an error comes of, or nothing: clients raise their own from ours."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, OutgoingError):
            return error.target
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return ""


_INTERNET: Final = (socket.AF_INET, socket.AF_INET6)
_refusing: list[list[str]] = []
_lock = Lock()
_installed: list[bool] = []


@contextmanager
def refused(held: list[str]) -> Iterator[None]:
    """Refuse HTTP and every other TCP connection; databases have theirs open by now."""
    with _lock:
        if not _installed:
            sys.addaudithook(_hook)
            _installed.append(True)
    _refusing.append(held)
    try:
        yield
    finally:
        _refusing.remove(held)


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if not _refusing:
        return
    target = ""
    if event == "urllib.Request":
        target = str(args[0])
    elif event == "http.client.connect":
        target = f"http://{args[1]}:{args[2]}/"
    elif event == "socket.connect":
        target = _address(*args)
    if target:
        _refusing[-1].append(f"a connection: {target}")
        raise OutgoingError(target)


def _address(sock: Any, address: Any) -> str:
    """Datagrams (logs, statsd) and local sockets may pass."""
    if getattr(sock, "family", None) not in _INTERNET or sock.type != socket.SOCK_STREAM:
        return ""
    return f"{address[0]}:{address[1]}"
