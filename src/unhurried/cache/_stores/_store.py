"""What every store can do, whatever it keeps the entries in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

#: Entries by key; and where tokens were asked for that lie there, the world, and each or None.
Found = tuple[dict[str, bytes], str, list[int | None] | None]


class Store(Protocol):
    """Entries by key. All methods raise Unavailable, and nothing else of the world's.

    A ``ttl`` is in seconds; nothing is stored for one that is not above zero.
    """

    alias: str

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""

    def get_with_tokens(
        self, keys: Sequence[str], tags: Sequence[str]
    ) -> tuple[dict[str, bytes], str, list[int | None]] | None:
        """(entries, world, tokens) in one round trip, None where the tokens do not lie here.

        A token that is absent is None, and is not added.
        """

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Keep the data under the key."""

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Keep it only while ``lease`` holds ``holder``, and give that back; whether it was."""

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing; whether it was kept."""

    def claim(
        self, lease: str, holder: bytes, ttl: float, keys: Sequence[str], tags: Sequence[str]
    ) -> Found | None:
        """Take the lease and look at what is there then; None where somebody has it."""

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it still holds ``holder``."""

    def delete(self, key: str) -> None:
        """Forget the key."""


class OneByOne:
    """Of stores that can't be told two things in one trip."""

    def claim(
        self: Store, lease: str, holder: bytes, ttl: float, keys: Sequence[str], tags: Sequence[str]
    ) -> Found | None:
        """Take the lease, then look at what is there; None where somebody has it."""
        if not self.add(lease, holder, ttl):
            return None
        together = self.get_with_tokens(keys, tags) if tags else None
        return (self.get_many(keys), "", None) if together is None else together
