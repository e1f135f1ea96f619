"""A site for gunicorn that keeps the truth beside the store: words in files of its own.

Each thread of each worker has two words, ``begun`` and ``done``, written before and after each
request; a mapped file outlives ``kill -9``. Importing this has used the store already, as sites do.
"""

from __future__ import annotations

import mmap
import os
import threading
import time
from pathlib import Path
from typing import Any

import django
from django.conf import settings

FOLDER = Path(os.environ["CRASH_FOLDER"])
WORDS = 256

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()
settings.UNHURRIED = {"STORE": FOLDER / "store", "STRICT": False}

from django.core.wsgi import get_wsgi_application  # noqa: E402 - needs the settings

from unhurried.measure import counter  # noqa: E402

counter("imported").increment()
site = get_wsgi_application()


class Truth:
    """This process's words."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        path = FOLDER / "truth" / f"{self.pid}-{time.time_ns()}"
        path.write_bytes(bytes(WORDS * 8))
        with path.open("r+b") as file:
            self.words = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self.threads = 0
        self.local = threading.local()
        self.lock = threading.Lock()

    def place(self) -> int:
        if not hasattr(self.local, "place"):
            with self.lock:
                self.local.place, self.threads = 2 * self.threads, self.threads + 1
        return self.local.place


truth = Truth()
swapping = threading.Lock()


def application(environ: dict[str, Any], start_response: Any) -> Any:
    global truth
    with swapping:
        if truth.pid != os.getpid():  # preloaded, then forked
            truth = Truth()
    words, place = truth.words, truth.place()
    words[place] += 1
    body = site(environ, start_response)
    words[place + 1] += 1
    return body
