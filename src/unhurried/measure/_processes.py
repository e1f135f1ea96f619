"""What a process is: which server runs it, and how many requests it can work on at once.

No server tells an application that by itself. But it is on the stack while it asks for a page, so
the first request that ends looks there, once. ``environ`` would not do: ``SERVER_SOFTWARE`` names
the server but not its kind of worker, and ``wsgi.multithread`` is true of two threads and of forty.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings as django_settings

from . import _layout as L
from ._frames import still
from ._record import Record, current

if TYPE_CHECKING:
    from ._slot import Slot

#: By number, as in the lane ``server``.
SERVERS: Final = (
    *("unknown", "runserver", "gunicorn sync", "gunicorn gthread", "gunicorn greenlets"),
    *("uvicorn", "uwsgi", "hypercorn", "daphne", "waitress", "granian", "mod_wsgi"),
)
#: Modules, or packages of them, that are on the stack while a page is made: the innermost counts.
_ON_THE_STACK: Final = {
    "gunicorn.workers.sync": "gunicorn sync",
    "gunicorn.workers.gthread": "gunicorn gthread",
    "gunicorn.workers.base_async": "gunicorn greenlets",
    "uvicorn": "uvicorn",
    "hypercorn": "hypercorn",
    "daphne": "daphne",
    "waitress": "waitress",
    "granian": "granian",
    "django.core.servers.basehttp": "runserver",
    "werkzeug.serving": "runserver",  # runserver_plus, of django-extensions
}
#: Modules that exist nowhere but inside these servers, which are no Python.
_INSIDE: Final = ("uwsgi", "mod_wsgi")
THREADS, SERVER, DEBUG, CONFIGURED = (
    L.PROCESS.index(name) for name in ("threads", "server", "debug", "configured")
)


def begin(slot: Slot) -> None:
    """What the slot's last process was says nothing of this one."""
    lanes = slot.lanes(L.GROUPS["process"], 0)
    for lane in (CONFIGURED, THREADS, SERVER, DEBUG):
        lanes[lane] = 0


def describe(record: Record) -> None:
    """Write what this process is, once, at the end of a request that nothing of ours had sent."""
    store = record.store
    if record.kind != "request" or current.get() is not None or store.left:
        return
    lanes = store.slot.lanes(L.GROUPS["process"], 0)
    if lanes[CONFIGURED]:
        return
    name, threads = _found()
    with store.lock:
        lanes[SERVER], lanes[THREADS] = SERVERS.index(name), threads
        lanes[DEBUG] = bool(django_settings.DEBUG)
        lanes[CONFIGURED] = 1


def _found() -> tuple[str, int]:
    """(a name of SERVERS, how many requests at once or 0 where that is not known)."""
    for name in _INSIDE:
        if name in sys.modules:
            return name, _threads_inside(name, sys.modules[name])
    with still:
        for frame in _frames():
            module = frame.f_globals.get("__name__")
            server = _server(module) if isinstance(module, str) else None
            if server is not None:
                return server, _threads(server, frame)
    return "unknown", 0


def _frames() -> Iterator[FrameType]:
    """This thread's from the inside, then the main one's, where some servers wait for others."""
    main = threading.main_thread().ident
    for frame in (sys._getframe(), sys._current_frames().get(main or 0)):
        while frame is not None:
            yield frame
            frame = frame.f_back


def _server(module: str) -> str | None:
    found = _ON_THE_STACK.get(module)
    return found or _ON_THE_STACK.get(module.partition(".")[0])


def _threads(server: str, frame: FrameType) -> int:
    if server == "gunicorn sync":
        return 1
    if server == "gunicorn gthread":
        return _configured(frame)
    return 0


def _configured(frame: FrameType | None) -> int:
    """``--threads``: a worker carries its configuration, and its methods are on the stack."""
    while frame is not None:
        if frame.f_globals.get("__name__") == "gunicorn.workers.gthread":
            threads = getattr(getattr(frame.f_locals.get("self"), "cfg", None), "threads", 0)
            if isinstance(threads, int) and threads > 0:
                return threads
        frame = frame.f_back
    return 0


def _threads_inside(name: str, module: Any) -> int:
    """Documented: ``uwsgi.opt`` holds the options as bytes, ``mod_wsgi`` its threads."""
    if name == "mod_wsgi":
        return int(getattr(module, "threads_per_process", 0) or 0)
    options = getattr(module, "opt", {})
    for option in ("gevent", "async", "ugreen", "threads"):
        with suppress(ValueError, TypeError):
            count = int(options.get(option) or options.get(option.encode()) or 0)
            if count:
                return count
    return 1
