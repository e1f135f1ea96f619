"""One tool's process in the late store's race."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Event, Thread
from typing import Any

from cache_site import data, http, setup
from cache_site.setup import Place, Tool

LONG = 20  # seconds after which a meeting has failed; nobody waits as long otherwise

Read = Callable[[int], str]


class Stop:
    """Stops a reader within its SELECT: the database has answered, nobody has its rows yet."""

    def __init__(self) -> None:
        self.selected, self.go_on = Event(), Event()

    def __call__(self, execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
        result = execute(sql, params, many, context)
        if is_select(sql) and not self.selected.is_set():
            self.selected.set()
            meet(self.go_on, "the writer")
        return result


def tell(tool: Tool, place: Place) -> dict[str, Any]:
    setup.configure(tool, place)
    data.create(len(data.WRITES) + 1)
    *quiet_ones, raced_one = data.parts()
    read = reader(tool)
    found: dict[str, Any] = {"keeps": tool.keeps, "by_hand": bool(tool.written)}
    found["kept"] = keeps(read, quiet_ones[0])
    found["quiet"] = [
        quiet(tool, read, part, how) for how, part in zip(data.WRITES, quiet_ones, strict=True)
    ]
    found["raced"] = raced(tool, read, raced_one)
    found["left"] = ttl_left(raced_one.pk, place)
    return found


def reader(tool: Tool) -> Read:
    from cache_site import views
    from django.core.wsgi import get_wsgi_application

    if tool.keeps != "pages":
        return views.kept("value")
    application = get_wsgi_application()
    return lambda pk: http.send(application, http.environ(f"/value/{pk}/", plain=True)).decode()


def keeps(read: Read, part: Any) -> bool:
    read(part.pk)
    return selects(read, part.pk) == 0


def quiet(tool: Tool, read: Read, part: Any, how: str) -> str:
    """What is read after a write that meets nobody."""
    read(part.pk)
    data.write(tool, part, "NEW", how)
    return read(part.pk)[:3]


def raced(tool: Tool, read: Read, part: Any) -> str:
    """What a reader gets who comes after the writer has returned and the late one has stored."""
    stop = Stop()
    late = Thread(target=stopped, args=(stop, read, part.pk), daemon=True)
    late.start()
    meet(stop.selected, "the reader's SELECT")
    data.write(tool, part, "NEW")
    stop.go_on.set()
    late.join(LONG)
    return read(part.pk)[:3]


def stopped(stop: Stop, read: Read, pk: int) -> None:
    from django.db import connection

    with connection.execute_wrapper(stop):
        read(pk)
    connection.close()


def selects(read: Read, pk: int) -> int:
    """How many statements on the table a read asks."""
    from django.db import connection

    seen = []

    def note(execute: Any, sql: str, *rest: Any) -> Any:
        seen.append(sql)
        return execute(sql, *rest)

    with connection.execute_wrapper(note):
        read(pk)
    return sum(map(is_select, seen))


def is_select(sql: str) -> bool:
    return sql.startswith("SELECT") and "part_0" in sql


def meet(event: Event, whom: str) -> None:
    if not event.wait(LONG):
        raise SystemExit(f"Waited {LONG} s for {whom} in vain.")


def ttl_left(pk: int, place: Place) -> float | None:
    """Seconds that the old entry has still to live; None if it has no end."""
    from cache_site import views

    job = getattr(views.kept("value"), "job", None)
    if job is not None:  # cacheback: Redis keeps it for 30 days, it is refreshed after its lifetime
        return job.raw_get(views.value, pk)[0] - time.time()
    import redis

    client = redis.Redis(port=place.redis, db=place.number)
    entries = [key for key in client.scan_iter(_type="string") if b"conj:" not in key]
    ttls = [client.ttl(key) for key in entries]  # cacheops' own stamps (conj:) hold no values
    return None if -1 in ttls else max(ttls, default=0)
