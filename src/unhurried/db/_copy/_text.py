"""Values as COPY's text format has them.

A backslash, a tab and the two ends of a line are escaped, NULL is ``\\N``; see "Text Format" in
https://www.postgresql.org/docs/current/sql-copy.html.
"""

from __future__ import annotations

from typing import Final

NULL: Final = "\\N"


def escape(text: str) -> str:
    """For a text that may hold what separates columns and rows; ValueError for a NUL."""
    if "\0" in text:
        raise ValueError("PostgreSQL can't store a NUL character (0x00)")
    text = text.replace("\\", "\\\\").replace("\t", "\\t")  # four times as fast as translate()
    return text.replace("\n", "\\n").replace("\r", "\\r")
