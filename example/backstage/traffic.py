"""Bounded traffic over every page and its twins, by a few visitors at once."""

import http.client
import random
import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from urllib.parse import urlencode

SIDES = ("slow", "fixed", "fast")
# Slides' pages often, forms less; long lists and the report seldom, for they keep a worker busy.
WEIGHTS = {
    "feed": 12,
    "pin": 10,
    "user": 8,
    "books": 6,
    "messages": 6,
    "tag": 5,
    "create_form": 2,
    "create": 2,
    "received": 2,
    "books/import": 1,
    "books/catalogue": 1,
    "books/api": 1,
    "books/inventory": 1,
    "with": 2,
    "report": 1,
}
PLACES = ("place/Oslo", "place/Rome", "camera/Quill%208", "camera/Sextant%20Pro")
FOR_MEMBERS = {"messages", "received"}
PAUSE = 0.03  # seconds between two requests of a visitor: people read, and the machine breathes
PATIENCE = 60  # seconds for one answer


@dataclass(frozen=True)
class Site:
    """What there is to visit."""

    pins: int
    usernames: list[str]
    tags: list[str]
    titles: Iterator[str]  # of the books visitors add: the form wants new ones


@dataclass(frozen=True)
class Visit:
    """One request to make."""

    page: str
    path: str
    form: dict[str, str] | None = None


def visits(site: Site, rng: random.Random) -> Iterator[Visit]:
    """Every page once, so that short traffic has them all; then by weight, for ever.

    What is visited on the slow side is visited on the other two next, so that they compare.
    """
    for page in WEIGHTS:
        yield from _all_sides(page, site, rng)
    while True:
        page = rng.choices(list(WEIGHTS), list(WEIGHTS.values()))[0]
        yield from _all_sides(page, site, rng)


def _all_sides(page: str, site: Site, rng: random.Random) -> Iterator[Visit]:
    path = _path(page, site, rng)
    for side in SIDES:
        yield Visit(page, f"/{side}/{path}", _form(page, site, rng))


def _path(page: str, site: Site, rng: random.Random) -> str:
    match page:
        case "pin":
            return f"pin/{rng.randint(1, site.pins)}/"
        case "user":
            return f"user/{rng.choice(site.usernames)}/"
        case "tag":
            return f"tag/{rng.choice(site.tags)}/"
        case "create_form" | "create":
            return "books/create/"
        case "with":
            return f"pins/with/{rng.choice(PLACES)}/"
        case "received":
            return "messages/received/"
        case _:
            return f"{page}/"


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
    """Visitors on threads; ``cookies`` has one session per visitor."""

    port: int
    site: Site
    cookies: list[str]
    seconds: float
    unanswered: int = 0
    began: float = field(default_factory=time.monotonic)
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        self.began = time.monotonic()
        self._visits = visits(self.site, random.Random(2012))
        self._threads = [
            threading.Thread(target=self._roam, args=(number, cookie), daemon=True)
            for number, cookie in enumerate(self.cookies)
        ]
        for thread in self._threads:
            thread.start()

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def over(self) -> bool:
        return self.elapsed >= self.seconds

    def stop(self) -> None:
        """No new visits; those under way are waited for."""
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _roam(self, number: int, cookie: str) -> None:
        visitor = _Visitor(self.port, cookie, always_member=number % 2 == 0)
        with closing(visitor.connection):
            self._visit_on(visitor)

    def _visit_on(self, visitor: "_Visitor") -> None:
        while not (self._stop.is_set() or self.over):
            with self._lock:
                visit = next(self._visits)
            if not visitor.make(visit):
                with self._lock:
                    self.unanswered += 1
            self._stop.wait(PAUSE)


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
