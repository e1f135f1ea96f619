"""Bounded traffic over every page and its twins, by a few visitors at once."""

import math
import random
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from backstage.visitor import PATIENCE, Connection

SIDES = ("slow", "fixed", "fast")
# People read, and write seldom: one visit in fifty changes something.
WEIGHTS = {
    "feed": 40,
    "pin": 30,
    "user": 24,
    "books": 16,
    "tag": 16,
    "messages": 6,
    "with": 4,
    "books/catalogue": 4,
    "books/api": 4,
    "books/inventory": 3,
    "report": 2,
    "create_form": 2,
    "create": 1,
    "received": 1,
    "books/import": 1,
}
PLACES = ("place/Oslo", "place/Rome", "camera/Quill%208", "camera/Sextant%20Pro")
ACCEPTED = "Accept-Encoding: gzip"  # as all browsers do
FOR_MEMBERS = {"messages", "received"}


@dataclass(frozen=True)
class Site:
    """What there is to visit: pins are those of the feed, where people find them."""

    pins: list[int]
    usernames: list[str]
    tags: list[str]
    titles: Iterator[str]  # of the books visitors add: the form wants new ones


@dataclass(frozen=True)
class Visit:
    """One request to make."""

    page: str
    path: str
    form: dict[str, str] | None = None


def openings(side: str, site: Site) -> Iterator[Visit]:
    """Each address that can be kept for all, once."""
    alone = ("feed", "books", "books/catalogue", "books/api", "books/inventory", "report")
    yield from (Visit(page, f"/{side}/{page}/") for page in alone)
    yield Visit("create_form", f"/{side}/books/create/")
    yield from (Visit("with", f"/{side}/pins/with/{place}/") for place in PLACES)
    several: dict[str, list[Any]] = {"tag": site.tags, "user": site.usernames, "pin": site.pins}
    for page, things in several.items():
        yield from (Visit(page, f"/{side}/{page}/{thing}/") for thing in things)


def visits(side: str, site: Site, rng: random.Random) -> Iterator[Visit]:
    """Every page once, so that short traffic has them all; then by weight, for ever.

    As cards are dealt, the deck anew each time: so a side that answers few has the same mixture.
    """
    for page in WEIGHTS:
        yield _visit(side, page, site, rng)
    deck = [page for page, weight in WEIGHTS.items() for _ in range(weight)]
    while True:
        rng.shuffle(deck)
        for page in deck:
            yield _visit(side, page, site, rng)


def _visit(side: str, page: str, site: Site, rng: random.Random) -> Visit:
    return Visit(page, f"/{side}/{_path(page, site, rng)}", _form(page, site, rng))


def _path(page: str, site: Site, rng: random.Random) -> str:
    match page:
        case "pin":
            return f"pin/{_popular(site.pins, rng)}/"
        case "user":
            return f"user/{_popular(site.usernames, rng)}/"
        case "tag":
            return f"tag/{_popular(site.tags, rng)}/"
        case "create_form" | "create":
            return "books/create/"
        case "with":
            return f"pins/with/{rng.choice(PLACES)}/"
        case "received":
            return "messages/received/"
        case _:
            return f"{page}/"


def _popular(things: list[Any], rng: random.Random) -> Any:
    """The first of ten is asked for ten times as often as the tenth (Zipf's law)."""
    return things[int(len(things) ** rng.random()) - 1]


def _form(page: str, site: Site, rng: random.Random) -> dict[str, str] | None:
    if page == "received":
        return {}
    if page != "create":
        return None
    numbers = {"author": 1, "publisher": 1, "pages": rng.randint(80, 900), "stock": 3}
    return {"title": next(site.titles), "published": "2012-09-05"} | {
        k: str(v) for k, v in numbers.items()
    }


@dataclass
class Traffic:
    """Visitors of one side, on threads; ``cookies`` has one session per visitor.

    Each asks for the next page as soon as it has the last one: the same list for every side.
    Not counted are ``opened``, which come first, and what is asked in the seconds of ``warming``.
    """

    port: int
    side: str
    site: Site
    cookies: list[str]
    seconds: float
    warming: float = 0.0
    opened: Sequence[Visit] = ()
    unanswered: int = 0
    took: list[float] = field(default_factory=list)
    opening: float = 0.0  # seconds
    counted_from: float = math.inf  # on the monotonic clock
    ended: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self._began = time.monotonic()
        self._opened = iter(self.opened)
        self._visits = visits(self.side, self.site, random.Random(2012))
        self._threads = [
            threading.Thread(target=self._roam, args=(number, cookie), daemon=True)
            for number, cookie in enumerate(self.cookies)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def elapsed(self) -> float:
        """Seconds that count."""
        return max(time.monotonic() - self.counted_from, 0.0)

    @property
    def is_open(self) -> bool:
        """Whether all of ``opened`` has been asked for."""
        return self.counted_from < math.inf

    @property
    def over(self) -> bool:
        return self.elapsed >= self.seconds

    @property
    def rate(self) -> float:
        """Answers per second, so far or in the end."""
        return len(self.took) / max(self.ended or self.elapsed, 0.001)

    def quantile(self, share: float) -> float:
        """Seconds to an answer, as a visitor saw them; 0 before the first."""
        took = sorted(self.took)
        return took[min(int(share * len(took)), len(took) - 1)] if took else 0.0

    def stop(self) -> None:
        """No new visits; those under way are waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)
        self.ended = self.elapsed

    def _roam(self, number: int, cookie: str) -> None:
        with Connection(self.port) as connection:
            self._visit_on(_Visitor(connection, cookie, always_member=number % 2 == 0))

    def _visit_on(self, visitor: "_Visitor") -> None:
        while not (self._stop.is_set() or self.over):
            with self._lock:
                visit = next(self._opened, None) or self._next()
            began = time.monotonic()
            answered = visitor.make(visit)
            with self._lock:
                self.unanswered += not answered
                if answered and began >= self.counted_from:
                    self.took.append(time.monotonic() - began)

    def _next(self) -> Visit:
        if not self.is_open:
            now = time.monotonic()
            self.opening, self.counted_from = now - self._began, now + self.warming
        return next(self._visits)


class _Visitor:
    """Every second visitor is logged in on all pages."""

    def __init__(self, connection: Connection, cookie: str, *, always_member: bool) -> None:
        self.connection, self.cookie, self.always_member = connection, cookie, always_member
        self._host = f"Host: 127.0.0.1:{connection.port}"

    def make(self, visit: Visit) -> bool:
        """Whether there was an answer; what it was, the measurements say."""
        try:
            self.connection.ask(self._request(visit))
        except OSError:
            return False  # the next request opens the connection anew
        return True

    def _request(self, visit: Visit) -> bytes:
        member = self.always_member or visit.page in FOR_MEMBERS
        cookies = [self.cookie] if member else []
        if visit.form is None:
            return self._written(f"GET {visit.path}", cookies)
        token = secrets.token_hex(16)  # Django compares cookie and header; any value will do
        body = urlencode(visit.form)
        headers = [
            f"X-CSRFToken: {token}",
            "Content-Type: application/x-www-form-urlencoded",
            f"Content-Length: {len(body)}",
        ]
        cookies.append(f"csrftoken={token}")
        return self._written(f"POST {visit.path}", cookies, headers) + body.encode()

    def _written(self, first: str, cookies: list[str], headers: list[str] | None = None) -> bytes:
        lines = [f"{first} HTTP/1.1", self._host, ACCEPTED, *(headers or ())]
        if cookies:
            lines.append(f"Cookie: {'; '.join(cookies)}")
        return "\r\n".join([*lines, "\r\n"]).encode()
