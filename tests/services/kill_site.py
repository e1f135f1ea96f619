"""A process that reads the rows, or whose children write them and die; told by lines of JSON.

``python -m tests.services.kill_site``, with ROWS_SETTINGS as of ``rows_site``.
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

from django.test import Client

from unhurried.cache._tokens._home import home_of

from . import rows_site
from .rows import ROWS, computed
from .rows_site import FOLDER, MODELS, kept, set_value

PATIENCE = 60
RENEWED_FOR = 3.5  # seconds: DEADLINE where the rows are prepared, a tick of memcached, and some
WAYS: dict[str, Callable[[int], int]] = {
    "function": kept,
    "page": lambda number: int(Client().get(f"/row/{number}/").content),
}


def keep() -> None:
    """Until all is served from the cache, and goes on so.

    What the last write renewed has vanished by then: it does so by itself, after the deadline, and
    whoever reads just then sees the next write at once.
    """
    until = quiet = time.monotonic()
    while time.monotonic() - quiet < RENEWED_FOR:
        assert time.monotonic() < until + PATIENCE, "not kept"
        for read in WAYS.values():
            for number in range(ROWS):
                if not is_hit(read, number):
                    quiet = time.monotonic()
        time.sleep(0.01)


def is_hit(read: Callable[[int], int], number: int) -> bool:
    before = computed(FOLDER, number)
    read(number)
    return computed(FOLDER, number) == before


def watch(numbers: list[int], value: int, patience: float) -> dict[str, Any]:
    """Read until all is new: way -> row -> (old answers, when the last of them was asked for)."""
    seen: dict[str, dict[int, tuple[int, float]]] = {way: {} for way in WAYS}
    left = {(way, number) for way in WAYS for number in numbers}
    until = time.monotonic() + patience
    while left and time.monotonic() < until:
        for way, number in sorted(left):
            asked = time.monotonic()
            if WAYS[way](number) == value:
                left.remove((way, number))
            else:
                seen[way][number] = seen[way].get(number, (0, 0.0))[0] + 1, asked
        time.sleep(0.005)
    return {"seen": seen, "never": sorted(left)}


def die(numbers: list[int], value: int) -> dict[int, float]:
    """A child for each row, all at once: row -> when it died, after its COMMIT."""
    board = memoryview(mmap.mmap(-1, 8 * ROWS)).cast("d")
    held, hold = os.pipe()
    said, saying = os.pipe()
    children = [fork(number, value, board, held, hold, saying) for number in numbers]
    os.close(saying)
    for _ in children:
        assert os.read(said, 1), "a child is gone before its time"
    os.close(hold)  # go
    for child in children:
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it was to be killed"
    os.close(held)
    os.close(said)
    return {number: board[number] for number in numbers}


def fork(number: int, value: int, board: Any, held: int, hold: int, saying: int) -> int:
    child = os.fork()
    if child:
        return child
    try:
        os.close(hold)
        MODELS[number].objects.get(pk=1)  # connected, as a worker is that has lived a while
        fall_dead_instead_of_renewing(number, board)
        os.write(saying, b".")
        os.read(held, 1)
        set_value(number, value)
    except BaseException:  # boundary: it must not go on as its parent
        traceback.print_exc()
    os._exit(1)


def fall_dead_instead_of_renewing(number: int, board: Any) -> None:
    def renew(*args: Any) -> NoReturn:
        board[number] = time.monotonic()
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("not killed")

    home = home_of("default")
    type(home).renew = renew  # type: ignore[method-assign]


VERBS: dict[str, Callable[..., Any]] = {
    "prepare": rows_site.prepare,
    "keep": keep,
    "watch": watch,
    "die": die,
}


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what others print must not get between our lines
    for line in sys.stdin:
        verb, *args = json.loads(line)
        faulthandler.dump_traceback_later(4 * PATIENCE, exit=True)
        try:
            answer = ["done", VERBS[verb](*args)]
        except Exception:  # boundary: the test is told
            answer = ["failed", traceback.format_exc()]
        faulthandler.cancel_dump_traceback_later()
        with suppress(BrokenPipeError):
            out.write(json.dumps(answer) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
