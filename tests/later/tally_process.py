"""A process that counts, run as a script: ``tally_process.py fork FOLDER``; ways are below.

It says on its output what happened, and is judged by that and by what is stored in the end.
"""

from __future__ import annotations

import asyncio
import atexit
import multiprocessing
import os
import sys
import threading
from pathlib import Path

import django
from django.conf import settings
from django.core.management import call_command

FOLDER = Path(sys.argv[2])

settings.configure(
    SECRET_KEY="tally",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db"}},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["unhurried.later", "tests.pages"],
    UNHURRIED={"MEASURE": False, "STRICT": False},
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402 - needs the settings
from django.db import connection  # noqa: E402

from tests.pages.models import Page  # noqa: E402
from unhurried.cache import front_door  # noqa: E402
from unhurried.later import Tally  # noqa: E402
from unhurried.later._ending import ending  # noqa: E402
from unhurried.later._tally import _ledger, _ledgers  # noqa: E402
from unhurried.measure.reading import rest  # noqa: E402

views = Tally(Page, "views", every=3600, most=10**9)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def prepare() -> None:
    call_command("migrate", verbosity=0, run_syncdb=True)
    Page.objects.create(pk=1)
    connection.close()


def leave() -> None:
    """The process ends in order, a moment after a hit."""
    views.add(1, 5)


def late() -> None:
    """A hit from an ``atexit`` hook, which runs after those of the threads."""
    atexit.register(lambda: views.add(1, 5))
    _ledgers.ledger("default")
    views.add(1, 2)


def of_multiprocessing() -> None:
    """A child that leaves by ``os._exit``, and had a parent that counted as well."""
    views.add(1, 3)
    child = multiprocessing.get_context("fork").Process(target=views.add, args=(1, 40))
    child.start()
    child.join()
    say("child", child.exitcode)


def born_there() -> None:
    """A child that begins anew, and imports all of this in there."""
    child = multiprocessing.get_context("forkserver").Process(target=leave)
    child.start()
    child.join()
    say("child", child.exitcode)


def uvicorn() -> None:
    """A server that tells of the end, and kills itself then by the signal that it was sent."""
    told = iter(("lifespan.startup", "lifespan.shutdown"))

    async def receive() -> dict[str, str]:
        return {"type": next(told)}

    async def send(message: dict[str, str]) -> None:
        say(message["type"])
        if message["type"] == "lifespan.startup.complete":
            views.add(1, 5)

    door = front_door(get_asgi_application())
    asyncio.run(door({"type": "lifespan"}, receive, send))
    os._exit(0)


def goes_on() -> None:
    """It was told of an end that was none: all is as before, and the real end comes later."""
    views.add(1, 2)
    rest()
    say(views.pending(1), ending.is_set())
    eager = Tally("pages.Page", "views", most=1)
    eager.add(1, 4)
    while views.pending(1):
        threading.Event().wait(0.01)
    say("by its thread", Page.objects.get().views)
    connection.close()
    views.add(1, 10)


def flushing() -> None:
    """The process ends while a flush is under way, and something else waits already."""
    begun, flush = threading.Event(), _ledger.flush

    def slow(*args: object) -> object:
        begun.set()
        threading.Event().wait(1)
        return flush(*args)  # type: ignore[arg-type]

    _ledger.flush = slow  # type: ignore[assignment]
    eager = Tally("pages.Page", "views", most=1)
    eager.add(1)
    begun.wait(10)
    views.add(1, 4)


def fork() -> None:
    """What waits is the parent's; the child has none of it, and a name of its own."""
    views.add(1, 3)
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        say("parent", views.pending(1))
        return
    say("child", views.pending(1), views.lost_at_most)
    views.add(1, 40)
    # and goes on to its end, as a worker of a server does


def fork_while_locked() -> None:
    """Another thread is in the middle of ``add``, or of a flush: the child waits for neither."""
    views.add(1, 3)
    ledger = _ledgers.ledger("default")
    with ledger._lock, ledger._flushing:
        child = os.fork()
        if not child:
            threading.Thread(target=views.add, args=(1, 40)).start()
            return
    assert os.waitpid(child, 0)[1] == 0


def early() -> None:
    """A tally of a model that is named before it is there, and one that is made in a child."""
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        return
    Tally("pages.Page", "views").add(1, 5)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
