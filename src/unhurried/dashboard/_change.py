"""A unified diff, line by line, each with what it is."""

from __future__ import annotations

from typing import Final, NamedTuple

_KINDS: Final = {"+": "plus", "-": "minus", "@": "place"}
_FILES: Final = ("--- ", "+++ ")


class Line(NamedTuple):
    """``kind``: "plus", "minus", "place" (of files and hunks) or "same"."""

    kind: str
    text: str


def lines(diff: str) -> list[Line]:
    return [Line(_kind(text), text) for text in diff.splitlines()]


def _kind(text: str) -> str:
    return "place" if text.startswith(_FILES) else _KINDS.get(text[:1], "same")
