"""What production saw of queries, put together for people: statements, and repeats with proofs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from zlib import crc32

from unhurried.measure.reading import asked, reader, typed
from unhurried.queries.reading import proven

from . import _bars, _change, _routes
from ._format import plural
from ._format import queries as counted
from ._numbers import Site

_COLUMNS: Final = re.compile(r"^(SELECT (?:DISTINCT )?)(?!COUNT\(|EXISTS\(|1 )(.{40,}?)( FROM )")
WORDS: Final = {"yes": "VERIFIED", "no": "NO", "untried": "UNTRIED"}
PLACES: Final = 5  # routes named beside a text


@dataclass(frozen=True, slots=True)
class Place:
    """A route or unit; ``slug`` is its page's address, None where it has none."""

    kind: str
    name: str
    slug: str | None

    @property
    def label(self) -> str:
        return _routes.label(self.kind, self.name)


@dataclass(slots=True)
class Text:
    """One text on one database, over the routes that ask it. Times in seconds."""

    alias: str
    sql: str
    count: int = 0
    requests: int = 0
    rows: int = 0
    failed: int = 0
    seconds: float = 0.0
    way: float = 0.0
    share: float = 0.0
    longest: float = 0.0  # seconds of the dearest, to whose bar this one's is compared
    places: list[Place] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        return f"s{crc32(f'{self.alias} {self.sql}'.encode('utf-8', 'replace')):08x}"

    @property
    def brief(self) -> str:
        return brief(self.sql)

    @property
    def mean(self) -> float:
        return self.seconds / max(self.count, 1)

    @property
    def each(self) -> float:
        """Round trips per request that asks it at all."""
        return self.count / max(self.requests, 1)

    @property
    def shown(self) -> list[Place]:
        return self.places[:PLACES]

    @property
    def unshown(self) -> int:
        return len(self.places[PLACES:])

    @property
    def bar(self) -> list[_bars.Segment]:
        room = self.seconds / self.longest if self.longest else 0.0
        return _bars.stacked({"way": self.way, "work": self.seconds - self.way}, room)

    @property
    def bar_text(self) -> str:
        return _bars.text(self.bar)

    def add(self, found: dict[str, Any], place: Place) -> None:
        for key in ("count", "requests", "rows", "failed"):
            setattr(self, key, getattr(self, key) + found[key])
        self.seconds += found["seconds"] + found["fetch"]
        self.way += min(found["count"] * found["floor"], found["seconds"])
        self.places.append(place)
        self.lines += [line for line in found["lines"] if line not in self.lines]


@dataclass(slots=True)
class Repeat:
    """A line that asks again and again, and what is proven about it."""

    place: Place
    kind: str
    relation: str | None
    loop: str
    sql: str
    through: list[str]
    requests: int = 0
    queries: int = 0
    seconds: float = 0.0
    last: int = 0
    proof: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        key = f"{self.place} {self.kind} {self.relation} {self.loop}"
        return f"r{crc32(key.encode('utf-8', 'replace')):08x}"

    @property
    def brief(self) -> str:
        return brief(self.sql)

    @property
    def each(self) -> float:
        return self.queries / max(self.requests, 1)

    @property
    def seen_in(self) -> str:
        return plural(self.requests, "request" if self.place.kind == "request" else "run")

    @property
    def verdict(self) -> str:
        return self.proof["verified"] if self.proof else "untried"

    @property
    def word(self) -> str:
        return WORDS[self.verdict]

    @property
    def why(self) -> str:
        """What there is to say beside the word."""
        if not self.proof:
            return ""
        after = self.proof["queries_after"]
        if self.verdict == "yes" and after is not None:
            return f"replayed: the same page with {counted(after)}"
        return self.proof["why"] or ""

    @property
    def diff(self) -> list[_change.Line]:
        """The lines of the change, each with what it is."""
        return _change.lines(self.proof["diff"] or "") if self.proof else []

    @property
    def command(self) -> str | None:
        """What to run to have it proven; None for work that has no address."""
        if self.place.kind != "request" or self.place.name.startswith("("):
            return None
        return f"python manage.py unhurried diagnose --url {typed(self.place.label)}"


@dataclass(slots=True)
class Asked:
    """Everything, the dearest first."""

    texts: list[Text] = field(default_factory=list)
    repeats: list[Repeat] = field(default_factory=list)
    statements: list[dict[str, Any]] = field(default_factory=list)
    sightings: list[dict[str, Any]] = field(default_factory=list)


def read(
    site: Site, own_prefix: tuple[str, ...] = (), only: tuple[str, str] | None = None
) -> Asked:
    """What the site's routes asked, or one of them; the dashboard's own do not count."""
    source, routes = reader(), site.numbers["routes"]
    if source is None:
        return Asked()
    found = asked(source, routes, None)
    places = {key: _place(route["kind"], route["name"]) for key, route in routes.items()}
    kept = [
        [each for each in found[group] if _wanted(_at(each, places), own_prefix, only)]
        for group in ("statements", "sightings")
    ]
    for each in kept[0]:
        each["label"] = _at(each, places).label
    return Asked(_texts(kept[0], places), _repeats(kept[1], places), *kept)


def _at(found: dict[str, Any], places: dict[str, Place]) -> Place:
    return places.get(found["route"]) or Place("request", found["route"], None)


def _place(kind: str, name: str) -> Place:
    return Place(kind, name, _routes.slug(kind, name))


def _wanted(place: Place, own_prefix: tuple[str, ...], only: tuple[str, str] | None) -> bool:
    if only is not None:
        return (place.kind, place.name) == only
    return not _routes.is_own(place.kind, place.name, own_prefix)


def _texts(statements: Iterable[dict[str, Any]], places: dict[str, Place]) -> list[Text]:
    texts: dict[tuple[str, str], Text] = {}
    for each in statements:
        key = each["alias"], each["sql"]
        texts.setdefault(key, Text(*key)).add(each, _at(each, places))
    ranked = sorted(texts.values(), key=lambda text: -text.seconds)
    total = sum(text.seconds for text in ranked) or 1.0
    for text in ranked:
        text.share, text.longest = text.seconds / total, ranked[0].seconds
    return ranked


def _repeats(sightings: Iterable[dict[str, Any]], places: dict[str, Place]) -> list[Repeat]:
    """One for each line and relation of a route, however many ways lead there; each of these is
    told the proof of its route's.
    """
    sightings = list(sightings)
    found: dict[tuple[Any, ...], Repeat] = {}
    for each in sightings:
        key = _key(each)
        new = Repeat(_at(each, places), *key[1:], each["sql"], each["through"])
        repeat = found.setdefault(key, new)
        repeat.requests += each["requests"]
        repeat.queries += each["queries"]
        repeat.seconds += each["seconds"]
        repeat.last = max(repeat.last, each["last"])
    _join(found.values())
    for each in sightings:
        each["proof"] = found[_key(each)].proof
    return sorted(found.values(), key=lambda repeat: -repeat.seconds)


def _key(sighting: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    return sighting["route"], sighting["kind"], sighting["relation"], sighting["loop"]


def _join(repeats: Iterable[Repeat]) -> None:
    """A proof is of a line and a relation; one from the same route is the better one."""
    proofs = proven()
    for repeat in repeats:
        fitting = [
            p for p in proofs if (p["relation"], p["loop"]) == (repeat.relation, repeat.loop)
        ]
        fitting.sort(key=lambda proof: proof["route"] != repeat.place.name)
        repeat.proof = next(iter(fitting), None)


def brief(sql: str) -> str:
    """Without the columns, of which there are many: what is read from where says more."""
    return _COLUMNS.sub(r"\1…\3", sql)
