"""What goes wrong between Python and the database's fast roads: what, where, and the way out."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError

LONGEST = 80


class DbError(Exception):
    """Something is asked for wrongly; ``hint`` names the way out."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message} {hint}")
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.hint)


class CopyError(DbError):
    """One row of the input can't be stored.

    Attributes:
        row_number: its position in the input, from 0.
        row: the row as it was given.
        field: name of the field, None where the database names none.
        value: what the row has for it.
        cause: what was raised for it; ``reason`` its first line.
    """

    def __init__(
        self, row_number: int, row: Any, field: str | None, value: Any, cause: BaseException
    ) -> None:
        what = f", field {field!r} with {_short(value)}" if field is not None else ""
        self.reason = _reason(cause)
        super().__init__(
            f"Row {row_number} can't be stored{what}: {self.reason}.",
            'Mend it, or load the others with on_error="collect".',
        )
        self.row_number, self.row, self.field, self.value = row_number, row, field, value
        self.cause = cause

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.row_number, self.row, self.field, self.value, self.cause)

    def as_dict(self) -> dict[str, Any]:
        """For JSON: ``row_number``, ``field``, ``value`` as text, ``reason``."""
        return {
            "row_number": self.row_number,
            "field": self.field,
            "value": _short(self.value),
            "reason": self.reason,
        }


def _reason(cause: BaseException) -> str:
    """Without what PostgreSQL adds in lines of its own: the row as a whole, and its COPY."""
    if isinstance(cause, ValidationError):
        return " ".join(cause.messages).rstrip(".")
    lines = str(cause).splitlines()
    return lines[0].rstrip(".") if lines else type(cause).__name__


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
