"""Whether tokens lie where the entries do, so that one round trip brings both."""

from __future__ import annotations

from collections.abc import Sequence

from .._tokens._home import alias_of, home_of


def lie_here(alias: str, tags: Sequence[str]) -> bool:
    """Whether the cache alias is the home of all the tags."""
    return all(home_of(each).name == alias for each in set(map(alias_of, tags)))
