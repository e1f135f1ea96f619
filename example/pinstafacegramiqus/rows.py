"""Every row of the site, made up but always the same: no clock, one random stream per table."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.models import User
from django.db.models import Model
from django.utils.text import slugify

from accounts.models import Follow, Profile
from books.models import Author, Book, Publisher
from inbox.models import Message
from pins.models import Comment, Like, Pin, Tag, Views
from pinstafacegramiqus import words

NOW = datetime(2012, 9, 5, 16, 0, tzinfo=UTC)  # the talk
YEAR = timedelta(days=365)
SCENES, HUES, TAGS_PER_PIN = 6, 12, 3


@dataclass(frozen=True)
class Sizes:
    """How many rows of each kind; the defaults are scale 1."""

    users: int = 500
    tags: int = 40
    pins: int = 5_000
    likes: int = 40_000
    comments: int = 20_000
    follows: int = 6_000
    messages: int = 10_000
    publishers: int = 60
    authors: int = 800
    books: int = 5_000

    # Below these a page would no longer be full, and its fault no longer be seen.
    LEAST: ClassVar[dict[str, int]] = {"users": 30, "tags": 40, "pins": 120, "books": 120}

    @classmethod
    def at(cls, scale: float) -> Self:
        """All sizes times ``scale``; there are 40 tags at any scale."""
        scaled = {field.name: round(field.default * scale) for field in fields(cls)}
        scaled["tags"] = cls.tags
        return cls(**{name: max(n, cls.LEAST.get(name, 10)) for name, n in scaled.items()})


def tables(sizes: Sizes) -> Iterator[tuple[type[Model], int, Iterator[Model]]]:
    """Each table as ``(model, number of rows, rows)``, referred-to tables first."""
    yield User, sizes.users, _users(sizes)
    yield Profile, sizes.users, _profiles(sizes)
    yield Follow, sizes.follows, _follows(sizes)
    yield Tag, sizes.tags, _tags(sizes)
    yield Pin, sizes.pins, _pins(sizes)
    yield Views, sizes.pins, _views(sizes)
    yield Pin.tags.through, sizes.pins * TAGS_PER_PIN, _pin_tags(sizes)
    yield Like, sizes.likes, _likes(sizes)
    yield Comment, sizes.comments, _comments(sizes)
    yield Message, sizes.messages, _messages(sizes)
    yield Publisher, sizes.publishers, _publishers(sizes)
    yield Author, sizes.authors, _authors(sizes)
    yield Book, sizes.books, _books(sizes)


def _stream(table: str) -> random.Random:
    # Seeded by name: a new table changes no other table's rows.
    return random.Random(f"pinstafacegramiqus {table}")


def _some(rng: random.Random, n: int) -> int:
    """A key from 1 to n, low ones more often: fame is not spread evenly."""
    return int(n * rng.random() ** 1.5) + 1


def _pairs(rng: random.Random, n: int, left: int, right: int) -> Iterator[tuple[int, int]]:
    """``n`` different pairs of keys."""
    seen = set()
    while len(seen) < n:
        pair = (rng.randint(1, left), _some(rng, right))
        if pair not in seen:
            seen.add(pair)
            yield pair


def _name(number: int) -> tuple[str, str]:
    # Both lists are stepped through at once; they meet again after 500 names.
    last, first = divmod(number, len(words.FIRST_NAMES))
    return words.FIRST_NAMES[first], words.LAST_NAMES[(last + first) % len(words.LAST_NAMES)]


def _username(number: int) -> str:
    if number == 0:
        return "jacob"  # slide 31
    names = len(words.FIRST_NAMES) * len(words.LAST_NAMES)
    username = "".join(_name(number)).lower()
    return username if number < names else f"{username}{number // names}"


def _pinned(pk: int, pins: int) -> datetime:
    """Pins come evenly over the year, so a pin's time follows from its key."""
    return NOW - YEAR + YEAR * (pk / pins)


def _after(rng: random.Random, moment: datetime) -> datetime:
    return moment + timedelta(seconds=int((NOW - moment).total_seconds() * rng.random()))


def _sentence(rng: random.Random, least: int, most: int) -> str:
    return " ".join(rng.choices(words.PHRASES, k=rng.randint(least, most)))


def _users(sizes: Sizes) -> Iterator[User]:
    for number in range(sizes.users):
        first, last = _name(number)
        yield User(
            pk=number + 1,
            username=_username(number),
            first_name=first,
            last_name=last,
            email=f"{_username(number)}@example.com",
            password="!",  # fits none, and is always the same; set_unusable_password() is random
            date_joined=NOW - 2 * YEAR,
        )


def _profiles(sizes: Sizes) -> Iterator[Profile]:
    rng = _stream("profile")
    for pk in range(1, sizes.users + 1):
        city, about = rng.choice(words.CITIES), rng.choice(words.ABOUTS)
        yield Profile(pk=pk, user_id=pk, city=city, about=about)


def _follows(sizes: Sizes) -> Iterator[Follow]:
    rng = _stream("follow")
    pairs = _pairs(rng, sizes.follows, sizes.users, sizes.users)
    for pk, (follower, followed) in enumerate(pairs, 1):
        since = _after(rng, NOW - YEAR)
        yield Follow(pk=pk, follower_id=follower, followed_id=followed, since=since)


def _tags(sizes: Sizes) -> Iterator[Tag]:
    for pk, name in enumerate(words.TAGS[: sizes.tags], 1):
        yield Tag(pk=pk, name=name, slug=slugify(name))


def _pins(sizes: Sizes) -> Iterator[Pin]:
    rng, taken = _stream("pin"), _stream("taken")
    for pk in range(1, sizes.pins + 1):
        yield Pin(
            pk=pk,
            author_id=_some(rng, sizes.users),
            title=f"{rng.choice(words.QUALITIES)} {rng.choice(words.THINGS)}",
            text=_sentence(rng, 2, 6),
            scene=rng.randrange(SCENES),
            hue=rng.randrange(HUES),
            created=_pinned(pk, sizes.pins),
            attributes=_attributes(taken),
        )


def _attributes(rng: random.Random) -> dict[str, Any]:
    """What a camera says of a picture; it may have no place, or a lens besides."""
    said: dict[str, Any] = {
        "camera": words.CAMERAS[_some(rng, len(words.CAMERAS)) - 1],
        "colours": rng.sample(words.COLOURS, 2),
        "place": rng.choice(words.CITIES),
    }
    if rng.random() < 0.1:
        del said["place"]
    return said | ({"lens": {"mm": rng.choice((24, 35, 50))}} if rng.random() < 0.5 else {})


def _views(sizes: Sizes) -> Iterator[Views]:
    rng = _stream("views")
    for pk in range(1, sizes.pins + 1):
        yield Views(pin_id=pk, number=int(40 / (rng.random() + 0.01)))


def _pin_tags(sizes: Sizes) -> Iterator[Model]:
    rng = _stream("pin_tags")
    through: Any = Pin.tags.through
    for pin in range(1, sizes.pins + 1):
        for place, tag in enumerate(rng.sample(range(1, sizes.tags + 1), TAGS_PER_PIN), 1):
            yield through(pk=(pin - 1) * TAGS_PER_PIN + place, pin_id=pin, tag_id=tag)


def _likes(sizes: Sizes) -> Iterator[Like]:
    rng = _stream("like")
    pairs = _pairs(rng, sizes.likes, sizes.users, sizes.pins)
    for pk, (user, pin) in enumerate(pairs, 1):
        created = _after(rng, _pinned(pin, sizes.pins))
        yield Like(pk=pk, user_id=user, pin_id=pin, created=created)


def _comments(sizes: Sizes) -> Iterator[Comment]:
    rng = _stream("comment")
    for pk in range(1, sizes.comments + 1):
        pin = _some(rng, sizes.pins)
        yield Comment(
            pk=pk,
            pin_id=pin,
            author_id=_some(rng, sizes.users),
            text=_sentence(rng, 1, 3),
            created=_after(rng, _pinned(pin, sizes.pins)),
        )


def _messages(sizes: Sizes) -> Iterator[Message]:
    rng = _stream("message")
    for pk in range(1, sizes.messages + 1):
        yield Message(
            pk=pk,
            sender_id=rng.randint(1, sizes.users),
            recipient_id=_some(rng, sizes.users),
            text=_sentence(rng, 1, 3),
            sent=_after(rng, NOW - YEAR),
            received=rng.random() < 0.7,
        )


def _publishers(sizes: Sizes) -> Iterator[Publisher]:
    rng = _stream("publisher")
    for pk in range(1, sizes.publishers + 1):
        name = " & ".join(rng.sample(words.LAST_NAMES, 2))
        yield Publisher(pk=pk, name=name, city=rng.choice(words.CITIES))


def _authors(sizes: Sizes) -> Iterator[Author]:
    rng = _stream("author")
    for pk in range(1, sizes.authors + 1):
        name = f"{rng.choice(words.FIRST_NAMES)} {rng.choice(words.LAST_NAMES)}"
        yield Author(pk=pk, name=name)


def _books(sizes: Sizes) -> Iterator[Book]:
    rng = _stream("book")
    for pk in range(1, sizes.books + 1):
        quality, thing = rng.choice(words.QUALITIES).lower(), rng.choice(words.THINGS)
        yield Book(
            pk=pk,
            title=f"The {quality} {thing}, volume {pk}",
            author_id=_some(rng, sizes.authors),
            publisher_id=_some(rng, sizes.publishers),
            published=date(1962, 1, 1) + timedelta(days=rng.randrange(50 * 365)),
            pages=rng.randint(80, 900),
            stock=rng.randrange(40),
        )
