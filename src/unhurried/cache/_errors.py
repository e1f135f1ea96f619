"""What goes wrong: a wrong setting or argument, which raises, and a server that is not there."""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError


class CacheError(Exception):
    """Something is set or used wrongly; ``hint`` names the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.hint)


class Unavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """Where tokens or entries lie can't be reached, is full, or refuses: the page goes on without.

    The whole closed list of what fails open; no exception of a client library passes it by.
    """


class WriteRefused(CacheError, DatabaseError):  # noqa: N818 - as Django names its own
    """With ``strict``: a write that could not be announced, and so was not made.

    A DatabaseError, so that Django rolls the transaction back.
    """

    def __init__(self, database: str, error: Exception) -> None:
        super().__init__(
            f"A write to {database!r} is refused, for it can't be announced: {error}.",
            "Bring the token server back; or take strict=True from what is cached.",
        )
        self._of = database, error

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self._of
