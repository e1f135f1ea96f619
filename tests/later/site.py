"""A process of a site, run as a script: ``site.py fork FOLDER``; each way is a function below.

It says on its output what happened, and is judged by that and by how it ends.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(sys.argv[2])
WAIT_SECONDS = 15

settings.configure(
    SECRET_KEY="site",
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": FOLDER / "db",
            "CONN_MAX_AGE": 0,
        }
    },
    UNHURRIED={"MEASURE": False, "STRICT": False},  # no other threads than those looked at
)
django.setup()

from django.db import connections  # noqa: E402 - needs the settings

from unhurried.later import _thread  # noqa: E402
from unhurried.later.reading import figures, kick, lane  # noqa: E402

drained: list[int] = []
PARENT = os.getpid()


@lane("work")
def drain() -> None:
    drained.append(os.getpid())


def wait_until(holds: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, figures()
        time.sleep(0.002)


def ours() -> list[str]:
    return [t.name for t in threading.enumerate() if t is not threading.main_thread()]


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def child() -> None:
    """What is to end with the parent does not end with a child, whose copy of it may be locked."""
    kick("work")
    wait_until(lambda: drained)
    stop = _thread.Worker.stop
    _thread.Worker.stop = lambda self: (say("stopped in", os.getpid() - PARENT), stop(self))[1]  # type: ignore[method-assign]
    if not (pid := os.fork()):
        sys.exit()
    os.waitpid(pid, 0)


def fork() -> None:
    """With the parent's thread in the middle of a drain, and another kick waiting behind it."""
    begun, may_end = threading.Event(), threading.Event()

    @lane("slow")
    def slow() -> None:
        begun.set()
        may_end.wait(WAIT_SECONDS)

    kick("slow")
    begun.wait(WAIT_SECONDS)
    kick("work")
    child = os.fork()
    if not child:
        assert figures().kicks == figures().waiting == 0
        kick("work")
        wait_until(lambda: drained)
        say("child", drained == [os.getpid()], *ours())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert not drained
    may_end.set()
    wait_until(lambda: drained)
    say("parent", drained == [os.getpid()])


def idle() -> None:
    """Nothing is asked for: there is no thread. Then there is one, with nothing open between."""
    assert ours() == []
    seen: list[Any] = []

    @lane("reader")
    def reader() -> None:
        connections["default"].cursor().execute("SELECT 1")
        seen.append(connections["default"])

    _thread.IDLE = 0.2
    kick("reader")
    wait_until(lambda: seen and seen[0].connection is None)
    wait_until(lambda: ours() == [])
    say("closed")


def leave() -> None:
    """The process ends in the middle of a drain that would take an hour."""
    begun = threading.Event()

    @lane("hour")
    def hour() -> None:
        begun.set()
        time.sleep(3600)

    kick("hour")
    begun.wait(WAIT_SECONDS)
    kick("work")
    say("leaving")


def flush() -> None:
    """The process ends right after a kick: the broker gets it still."""
    from unhurried.later import _brokers

    class Slow:
        def send(self, lane: str, label: str) -> bool:
            time.sleep(0.1)
            say("sent", lane)
            return True

        def after_fork(self) -> None: ...

    _brokers._brokers["celery"] = Slow()
    settings.UNHURRIED["LATER"] = "celery"
    kick("work")


def late() -> None:
    """A kick from an ``atexit`` hook, after ours: nobody is left to do it, and nothing hangs."""
    import atexit

    kick("work")
    wait_until(lambda: drained)
    atexit._run_exitfuncs()
    say("late", kick("work"))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
