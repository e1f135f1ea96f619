"""Bounded traffic over every page and its twins, by a few visitors at once."""

import http.client
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

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
FOR_MEMBERS = {"messages", "received"}
PATIENCE = 60  # seconds for one answer


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


def visits(side: str, site: Site, rng: random.Random) -> Iterator[Visit]:
    """Every page once, so that short traffic has them all; then by weight, for ever."""
    for page in WEIGHTS:
        yield _visit(side, page, site, rng)
    while True:
        page = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
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
    What is asked in the first seconds, ``warming``, is not counted.
    """

    port: int
    side: str
    site: Site
    cookies: list[str]
    seconds: float
    warming: float = 0.0
    unanswered: int = 0
    took: list[float] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    ended: float = 0.0
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self.began = time.monotonic()
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
        return max(time.monotonic() - self.began - self.warming, 0.0)

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
        visitor = _Visitor(self.port, cookie, always_member=number % 2 == 0)
        with closing(visitor.connection):
            self._visit_on(visitor)

    def _visit_on(self, visitor: "_Visitor") -> None:
        while not (self._stop.is_set() or self.over):
            with self._lock:
                visit = next(self._visits)
            began = time.monotonic()
            answered = visitor.make(visit)
            with self._lock:
                self.unanswered += not answered
                if answered and began >= self.began + self.warming:
                    self.took.append(time.monotonic() - began)


class _Visitor:
    """One keep-alive connection. Every second visitor is logged in on all pages."""

    def __init__(self, port: int, cookie: str, *, always_member: bool) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        self.cookie, self.always_member = cookie, always_member

    def make(self, visit: Visit) -> bool:
        """Whether there was an answer; what it was, the measurements say."""
        method, body, headers = self._request(visit)
        try:
            self.connection.request(method, visit.path, body, headers)
            self.connection.getresponse().read()
        except (OSError, http.client.HTTPException):
            self.connection.close()  # the next request opens it anew
            return False
        return True

    def _request(self, visit: Visit) -> tuple[str, str | None, dict[str, str]]:
        member = self.always_member or visit.page in FOR_MEMBERS
        cookies = [self.cookie] if member else []
        if visit.form is None:
            return "GET", None, _headers(cookies)
        token = secrets.token_hex(16)  # Django compares cookie and header; any value will do
        headers = _headers([*cookies, f"csrftoken={token}"]) | {
            "X-CSRFToken": token,
            "Content-Type": "application/x-www-form-urlencoded",
        }
        return "POST", urlencode(visit.form), headers


def _headers(cookies: list[str]) -> dict[str, str]:
    return {"Cookie": "; ".join(cookies)} if cookies else {}
