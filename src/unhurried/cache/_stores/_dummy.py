"""Nothing is held: what stands in for the dummy cache, as in development."""

from __future__ import annotations

from collections.abc import Sequence

from ._store import OneByOne


class DummyStore(OneByOne):
    """Takes all, has nothing; each lease is had by whoever asks, as none is kept."""

    def __init__(self, alias: str) -> None:
        self.alias = alias

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Nothing."""
        return {}

    def get_with_tokens(self, keys: Sequence[str], tags: Sequence[str]) -> None:
        """No tokens lie here."""
        return None

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Forgotten."""

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Not kept."""
        return False

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """As if there had been nothing, so that nobody waits for what is never stored."""
        return True

    def release(self, lease: str, holder: bytes) -> None:
        """Nothing is held."""

    def delete(self, key: str) -> None:
        """Nothing is there."""
