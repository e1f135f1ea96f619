"""Who visits the site: closed loops with a think time, each answer kept with the client's clock."""

from __future__ import annotations

import http.client
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import Any

from .beacons import Beacon

PATIENCE = 60  # seconds for one answer
LATER = 4  # times as long as was asked for, at most
ADDRESSES = 5  # of one visitor: six of them come from thirty
SHEET = "title,author,publisher,published,pages,stock\n" + "".join(
    f"Copied {n},Author {n % 7},Publisher {n % 3},2012-09-05,{100 + n},3\n" for n in range(60)
)
FORM = (
    '--edge\r\nContent-Disposition: form-data; name="file"; filename="books.csv"\r\n'
    f"Content-Type: text/csv\r\n\r\n{SHEET}\r\n--edge--\r\n"
).encode()
MULTIPART = {"Content-Type": "multipart/form-data; boundary=edge"}
#: Pages that are not only read: what is sent to them, and its headers.
POSTED: Mapping[str, tuple[bytes | None, Mapping[str, str]]] = {
    "stock": (None, {}),
    "slow import": (FORM, MULTIPART),
    "fast import": (FORM, MULTIPART),
}

#: Where each page lies; ``{}`` is one of what there is to see.
PLACES = {
    "search": "/shop/search/?q={word}",
    "pay": "/shop/pay/",
    "waiting": "/shop/waiting/",
    "table": "/shop/table/",
    "basket": "/shop/basket/",
    "alike": "/shop/alike/",
    "stock": "/shop/stock/",
    "story": "/shop/story/",
    "messages, later": "/alone/messages/",
    "with, indexed": "/alone/with/place/Oslo/",
    "api, json_bytes": "/alone/api/",
    "slow import": "/alone/import/slow/",
    "fast import": "/alone/import/fast/",
} | {
    f"{side} {page}": f"/{side}/{path}"
    for side in ("slow", "fixed", "fast")
    for page, path in {
        "feed": "feed/",
        "tag": "tag/{tag}/",
        "books": "books/",
        "user": "user/{user}/",
        "pin": "pin/{pin}/",
        "messages": "messages/",
        "catalogue": "books/catalogue/?page={pin}",
        "api": "books/api/",
        "inventory": "books/inventory/",
        "with": "pins/with/place/Oslo/",
    }.items()
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One request, by the client's clock, in seconds.

    ``served`` is what the site's WSGI server knows of it, ``injected`` what the fault itself does.
    """

    page: str
    address: str
    at: float
    took: float
    status: int
    served: float = 0.0
    injected: float = 0.0


@dataclass
class Crowd:
    """Some visitors who see ``pages`` (by weight), each on a thread with a connection of its own.

    ``site``: what ``planted.prepare`` has said. ``addresses``: of all, shared out among them.
    """

    port: int
    site: Mapping[str, Any]
    pages: Mapping[str, int]
    cookies: Sequence[str]
    addresses: Sequence[str]
    think: float
    seed: int = 1
    answers: list[Answer] = field(default_factory=list)
    unanswered: int = 0
    told: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def visiting(self, seconds: float, least: int = 0) -> Iterator[None]:
        """They come within the first think time, and are gone after ``seconds``.

        Or later, but not for ever, where fewer than ``least`` have been answered by then.
        """
        self._over = threading.Event()
        threads = [
            threading.Thread(target=self._roam, args=(number,), daemon=True)
            for number in range(len(self.cookies))
        ]
        until = time.monotonic() + seconds
        for thread in threads:
            thread.start()
        try:
            yield
            time.sleep(max(until - time.monotonic(), 0))
            while len(self.answers) < least and time.monotonic() < until + LATER * seconds:
                time.sleep(0.1)
        finally:
            self._over.set()
            for thread in threads:
                thread.join(PATIENCE)

    def _roam(self, number: int) -> None:
        rng = random.Random(f"{self.seed} {number}")
        own = self.addresses[number :: len(self.cookies)]
        visitor = Visitor(self.port, self.cookies[number])
        self._over.wait(rng.random() * self.think)
        with closing(visitor.connection):
            while not self._over.is_set():
                self._visit(visitor, rng, rng.choice(own))
                self._over.wait(self.think * (0.5 + rng.random()))

    def _visit(self, visitor: Visitor, rng: random.Random, address: str) -> None:
        page = rng.choices(list(self.pages), list(self.pages.values()))[0]
        answer, body = visitor.ask(page, path(page, self.site, rng), address)
        beacon = Beacon.of(body) if page == "story" and rng.random() < 0.5 else None
        if beacon:
            visitor.tell(beacon, address)
        with self._lock:
            if answer is None:
                self.unanswered += 1
            else:
                self.answers.append(answer)
            if beacon:
                self.told.append(beacon.front)


def path(page: str, site: Mapping[str, Any], rng: random.Random) -> str:
    """An address of this page; of one that has many, any."""
    return PLACES[page].format(
        tag=rng.choice(site["tags"]),
        user=rng.choice(site["usernames"]),
        pin=rng.randint(1, site["pins"]),
        word=f"{rng.randrange(4096):03x}",
    )


class Visitor:
    """A keep-alive connection, as a proxy holds it to the site behind it."""

    def __init__(self, port: int, cookie: str) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.cookie = cookie

    def ask(self, page: str, path: str, address: str) -> tuple[Answer | None, bytes]:
        """None where there was no answer."""
        at, began = time.time(), time.perf_counter()
        headers = {"X-Request-Start": f"t={at:.6f}", "X-Forwarded-For": address}
        headers["Cookie"] = self.cookie
        sent, more = POSTED.get(page, (None, {}))
        method = "POST" if page in POSTED else "GET"
        try:
            self.connection.request(method, path, sent, {**headers, **more})
            response = self.connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()  # the next request opens it anew
            return None, b""
        took = time.perf_counter() - began
        served, injected = (
            float(response.headers.get(name, 0)) / 1000 for name in ("X-Served", "X-Injected")
        )
        return Answer(page, address, at, took, response.status, served, injected), body

    def tell(self, beacon: Beacon, address: str) -> None:
        """What a browser sends when its page is left."""
        headers = {"X-Forwarded-For": address, "Sec-Fetch-Site": "same-origin"}
        headers |= {"Content-Type": "text/plain;charset=UTF-8", "Cookie": self.cookie}
        body = json.dumps(beacon.document)
        try:
            self.connection.request("POST", beacon.to, body, headers)
            self.connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
