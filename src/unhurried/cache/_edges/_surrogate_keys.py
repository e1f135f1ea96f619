"""Short names of tags, by which an edge finds what is to be forgotten: ``xkey``, ``Surrogate-Key``.

They are made of the same tags as the entry's own tokens, so nobody lists what to purge. Varnish
keeps a header of 8 KB at most, which is some 600 names; a page with more tables than MOST has the
name of the whole database instead, which each write purges.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from hashlib import blake2b
from typing import Final

from django.http import HttpResponseBase

from .._units import _tags

SIZE: Final = 6  # bytes; one page too many is purged where two names are the same
MOST: Final = 200
#: On each answer: purges whatever an edge has of ours.
ALL: Final = "*"
ANY_NAME: Final = _tags.named("*")
NAMES: Final = ("xkey", "Surrogate-Key")
CONTROL: Final = "Surrogate-Control"


@lru_cache(4096)
def key(tag: str) -> str:
    return blake2b(tag.encode(), digest_size=SIZE).hexdigest()


def keys(tags: Iterable[str]) -> str:
    """The names of these, and of all that could make them old together; in one order."""
    wanted = {tag for tag in tags if not tag.startswith("db:")}
    aliases = {_tags.alias_of(tag) for tag in wanted if not _is_name(tag)}
    if len(wanted) > MOST:
        wanted = {_tags.epoch(alias) for alias in aliases} | _names_of(wanted)
    wanted |= {_tags.everything(alias) for alias in aliases} | {ALL}
    return " ".join(sorted(map(key, wanted)))


def _names_of(tags: set[str]) -> set[str]:
    """Those that no write to a database stands for; where they are many, the name of any name."""
    found = set(filter(_is_name, tags))
    return found if len(found) <= MOST else {ANY_NAME}


def purged_by(tags: Iterable[str]) -> set[str]:
    """The names to purge when these have been renewed."""
    wanted = set(tags)
    wanted |= {_tags.epoch(_tags.alias_of(tag)) for tag in wanted if not _is_name(tag)}
    wanted |= {ANY_NAME} if any(map(_is_name, wanted)) else set()
    return set(map(key, wanted))


def _is_name(tag: str) -> bool:
    return tag.startswith(f"{_tags.NAME}:")


def label(response: HttpResponseBase, tags: Iterable[str], left: float) -> None:
    """Let an edge keep the answer for ``left`` seconds, or until one of its tags is purged.

    What ``Surrogate-Control`` says of the content stays; ``Cache-Control`` is the browsers'.
    """
    names = keys(tags)
    for name in NAMES:
        response[name] = names
    said = [part.strip() for part in response.get(CONTROL, "").split(",")]
    kept = [part for part in said if part and not part.lower().startswith("max-age")]
    response[CONTROL] = ", ".join([f"max-age={max(int(left), 0)}", *kept])
