"""Processes of a test's own: forked, spoken with over pipes, and gone when the test is."""

from __future__ import annotations

import json
import os
import select
import signal
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

PATIENCE = 30  # seconds until a child that says nothing is taken for stuck


class Link:
    """One end of the line between parent and child."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._rest = read, write, b""

    def tell(self, what: Any = None) -> None:
        os.write(self._write, json.dumps(what).encode() + b"\n")

    def hear(self) -> Any:
        """What the other side told next; EOFError once it is gone."""
        told = select.poll()  # select() takes no descriptor from 1024 on
        told.register(self._read, select.POLLIN)
        while b"\n" not in self._rest:
            assert told.poll(PATIENCE * 1000), f"not a word for {PATIENCE} s: it hangs"
            more = os.read(self._read, 65536)
            if not more:
                raise EOFError("the other side is gone")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    def close(self) -> None:
        os.close(self._read)
        os.close(self._write)


class Child:
    """A forked process that runs ``function(link, *args)`` and tells what it returned."""

    def __init__(self, function: Callable[..., Any], *args: Any) -> None:
        (from_child, to_parent), (from_parent, to_child) = os.pipe(), os.pipe()
        self.link = Link(from_child, to_child)
        self._reaped = False
        with warnings.catch_warnings():  # Python 3.12 warns of what is tested here
            warnings.simplefilter("ignore", DeprecationWarning)
            self.pid = os.fork()
        if self.pid == 0:
            code = 1
            try:
                self.link.close()
                link = Link(from_parent, to_parent)
                link.tell(function(link, *args))
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(to_parent)
        os.close(from_parent)

    def result(self) -> Any:
        """Wait for its end, and for what the function returned."""
        told = self.link.hear()
        _, status = os.waitpid(self.pid, 0)
        self._reaped = True
        assert os.waitstatus_to_exitcode(status) == 0
        return told

    def kill(self) -> None:
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self._reaped = True


@contextmanager
def child(function: Callable[..., Any], *args: Any) -> Iterator[Child]:
    forked = Child(function, *args)
    try:
        yield forked
    finally:
        forked.kill()
        forked.link.close()


def in_child(function: Callable[..., Any], *args: Any) -> Any:
    """What ``function(*args)`` returns in a process of its own."""
    with child(lambda link: function(*args)) as forked:
        return forked.result()
