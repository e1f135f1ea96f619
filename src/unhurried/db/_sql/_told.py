"""What a database says of a statement that it has looked at and not run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

#: Whether a column may be NULL; nobody guesses.
Nullable = Literal["yes", "no", "unknown"]


@dataclass(frozen=True, slots=True)
class PgType:
    """A type of PostgreSQL: its name, and the classes that Python has for it.

    ``python`` is empty where we know none. ``inner``: what an array holds.
    """

    name: str
    python: frozenset[type] = frozenset()
    inner: PgType | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """Of a result. ``type`` is None where the database does not say."""

    name: str
    type: PgType | None = None
    nullable: Nullable = "unknown"


@dataclass(frozen=True, slots=True)
class Told:
    """``columns``: None where it does not say which there are, empty where it gives no rows."""

    columns: list[Column] | None
    parameters: Mapping[str, PgType]


class RefusedError(Exception):
    """The database does not take the statement. ``lines``: how far down in its SQL, if it says."""

    def __init__(self, message: str, lines: int | None = None) -> None:
        super().__init__(message)
        self.lines = lines


class NotAskedError(Exception):
    """This database can't be asked without running the statement; why."""
