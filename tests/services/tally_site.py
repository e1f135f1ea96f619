"""A process that counts, or whose children count and are killed; told by lines of JSON.

``python -m tests.services.tally_site SETTINGS.json``. Children report what they have sent in
memory shared over forks, so that it outlives them. It is a site for gunicorn and Celery as well.
"""

from __future__ import annotations

import faulthandler
import json
import mmap
import os
import random
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.asgi import get_asgi_application
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application
from django.db import Error, connection
from django.db.models import Sum
from django.http import HttpRequest, HttpResponse
from django.urls import path

FOLDER = Path(os.environ["TALLY_SETTINGS"]).parent
if not settings.configured:
    settings.configure(**json.loads(Path(os.environ["TALLY_SETTINGS"]).read_text()))
    django.setup()

from tests.pages.models import Page  # noqa: E402 - needs the settings
from unhurried.cache import front_door  # noqa: E402
from unhurried.later import Tally  # noqa: E402
from unhurried.later._tally import _flush, _ledger, _ledgers  # noqa: E402
from unhurried.later.models import Flushed  # noqa: E402

PATIENCE = 60
EVERY = float(os.environ.get("TALLY_EVERY", 0.05))
MOST = 50 if EVERY < 1 else 10**9
WORKERS, SHARED = 4, 30
views = Tally(Page, "views", every=EVERY, most=MOST)  # of a page of one worker's alone
likes = Tally("pages.Page", "likes", every=EVERY, most=MOST)  # of pages that all of them count


def prepare() -> None:
    call_command("migrate", verbosity=0, run_syncdb=True)
    for number in range(1, WORKERS + SHARED + 1):
        Page.objects.create(pk=number)


def stored() -> dict[str, Any]:
    """Once no connection of a killed one's is left: it may be in the middle of its COMMIT."""
    until = time.monotonic() + PATIENCE
    while connection.vendor == "postgresql" and others() and time.monotonic() < until:
        time.sleep(0.01)
    sums = Page.objects.aggregate(views=Sum("views"), likes=Sum("likes"))
    each = list(Page.objects.filter(pk__lte=WORKERS).order_by("pk").values_list("views", flat=True))
    marks = Flushed.objects.count()
    connection.close()
    return {**sums, "each": each, "marks": marks}


def total() -> int:
    """Of the views, whoever is connected."""
    found: int = Page.objects.aggregate(views=Sum("views"))["views"]
    connection.close()
    return found


def others() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
            "AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
        found: int = cursor.fetchone()[0]
    return found


# Workers


class Board:
    """Of one worker, in shared memory: words that are each written at once.

    ``sent`` is what it has sent or is about to, of views and of likes; ``kept`` what of it must be
    in the database from now on: what was sent, less what it said it would lose. ``most`` is the
    largest number it has ever said.
    """

    NAMES = ("views.sent", "views.kept", "likes.sent", "likes.kept", "most", "flushes")

    def __init__(self) -> None:
        self.words = memoryview(mmap.mmap(-1, 8 * len(self.NAMES))).cast("q")

    def add(self, what: Tally, name: str, pk: int, n: int) -> None:
        sent = self.NAMES.index(f"{name}.sent")
        self.words[sent] += n
        what.add(pk, n)
        lost = what.lost_at_most
        self.words[sent + 1] = self.words[sent] - lost
        self.words[4] = max(self.words[4], lost)

    def read(self) -> dict[str, int]:
        return dict(zip(self.NAMES, self.words.tolist(), strict=True))


def count(board: Board, number: int, life: float, pace: float) -> None:
    """By two threads, as a worker does."""

    def own() -> None:
        while time.monotonic() < end:
            board.add(views, "views", number, 1)
            time.sleep(pace)

    end = time.monotonic() + life
    thread = threading.Thread(target=own)
    thread.start()
    while time.monotonic() < end:
        pk = random.randint(WORKERS + 1, WORKERS + SHARED)
        board.add(likes, "likes", pk, random.choice((1, 1, 1, 2, 5)))
        time.sleep(pace)
    thread.join()


def die_at(step: str, board: Board) -> None:
    """Killed at the third flush: before it, after the mark, after the UPDATEs, after COMMIT."""
    left = [3]

    def killer(function: Callable[..., Any], *, before: bool = False) -> Callable[..., Any]:
        def inner(*args: Any, **kwargs: Any) -> Any:
            left[0] -= 1
            if before and not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            found = function(*args, **kwargs)
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            return found

        return inner

    if step in ("begin", "commit"):
        _ledger.flush = killer(_ledger.flush, before=step == "begin")  # type: ignore[assignment]
    elif step == "mark":
        _flush.claim = killer(_flush.claim)  # type: ignore[assignment]
    elif step == "update":
        _flush.update = killer(_flush.update)  # type: ignore[assignment]


def child(board: Board, number: int, step: str, life: float, pace: float) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        die_at(step, board)
        count(board, number, life, pace)
        if step == "end":  # as an orderly exit, which a fork of ours does not run itself
            _ledgers.at_exit()
        code = 0
    except BaseException:  # boundary: it must not go on as its parent
        traceback.print_exc()
    os._exit(code)


STEPS = ("", "begin", "mark", "update", "commit")


def kill_round(first: int) -> list[dict[str, int]]:
    """WORKERS of them; those without a step are killed sometime."""
    boards = [Board() for _ in range(WORKERS)]
    children = []
    for i, board in enumerate(boards):
        step = STEPS[(first + i) % len(STEPS)]
        pace = random.choice((0.0, 0.0002, 0.002))
        children.append((child(board, i + 1, step, PATIENCE, pace), step))
    for pid, step in children:
        if not step:
            time.sleep(random.uniform(0.02, 0.5))
            os.kill(pid, signal.SIGKILL)
    for pid, _ in children:
        _, status = os.waitpid(pid, 0)
        assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, "it was to be killed"
    return [board.read() for board in boards]


def end_round() -> list[dict[str, int]]:
    """They end in order."""
    boards = [Board() for _ in range(WORKERS)]
    pids = [child(board, i + 1, "end", 0.4, 0.0005) for i, board in enumerate(boards)]
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0
    return [board.read() for board in boards]


# One process, step by step


def add(n: int, pk: int = 1) -> int:
    views.add(pk, n)
    return views.lost_at_most


def flush() -> str:
    """Its error, or nothing."""
    try:
        views.flush()
    except Error as error:
        return type(error).__name__
    return ""


def settle() -> dict[str, Any]:
    """By the thread, however often it has to try."""
    until = time.monotonic() + PATIENCE
    while views.lost_at_most:
        assert time.monotonic() < until, "not flushed"
        time.sleep(0.01)
    connection.close()  # this thread's may have been cut off as well
    return {"value": views.value(1)}


def add_while(seconds: float) -> dict[str, Any]:
    """What was added, and how many queries that took in this thread."""
    added, end = 0, time.monotonic() + seconds
    while time.monotonic() < end:
        views.add(1)
        added += 1
        time.sleep(0.001)
    return {"added": added, "lost": views.lost_at_most}


def state() -> dict[str, Any]:
    return {"lost": views.lost_at_most, "pending": views.pending(1)}


# A site


def hit(request: HttpRequest, pk: int) -> HttpResponse:
    views.add(pk)
    return HttpResponse(str(os.getpid()))


urlpatterns = [path("hit/<int:pk>/", hit)]


def wsgi() -> Any:
    return get_wsgi_application()


def asgi() -> Any:
    return front_door(get_asgi_application())


if os.environ.get("TALLY_BROKER"):
    import celery

    app = celery.Celery("tally_site", broker=os.environ["TALLY_BROKER"])
    app.conf.worker_hijack_root_logger = False

    @app.task(name="hit")
    def task(pk: int) -> None:
        views.add(pk)


VERBS: dict[str, Callable[..., Any]] = {
    each.__name__: each
    for each in (
        *(prepare, stored, total, kill_round, end_round),
        *(add, flush, settle, add_while, state),
    )
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
