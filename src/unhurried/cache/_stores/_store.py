"""What every store can do, whatever it keeps the entries in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


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
        """Keep it only while ``lease`` holds ``holder``; whether it was kept."""

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing; whether it was kept."""

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it still holds ``holder``."""

    def delete(self, key: str) -> None:
        """Forget the key."""
