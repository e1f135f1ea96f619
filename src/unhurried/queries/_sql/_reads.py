"""Whether a statement reads, whatever comments and parentheses stand before its first word."""

from __future__ import annotations

import re
from typing import Final

READS: Final = ("SELECT", "WITH", "VALUES")
#: What may stand before the first word; a comment that MySQL runs (``/*!``) is no comment.
_LEAD: Final = re.compile(r"(?:[\s(]|--[^\n]*|#[^\n]*|/\*(?!M?!).*?\*/)*", re.DOTALL)


def bare(sql: str) -> str:
    """From the first word on."""
    found = _LEAD.match(sql)
    return sql[found.end() :] if found is not None and found.end() else sql


def is_read(sql: str) -> bool:
    return bare(sql)[:6].upper().startswith(READS)
