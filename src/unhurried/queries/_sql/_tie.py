"""One key for what Django asked and for what PostgreSQL says it was asked.

``pg_stat_statements`` keeps a text with ``$1`` for each constant, after the driver has written the
parameters in with their types (``'2012-09-05'::date``). Our fingerprint has ``%s`` for placeholders
and literals alike. Their keys are the same, whichever of the two they are made from.

Its ``queryid`` can't be had from here: ``EXPLAIN (VERBOSE)`` tells it only of a statement with
parameters of the right types, and parameters are never stored.
"""

from __future__ import annotations

import re
from typing import Final

from ._fingerprint import canonical, fingerprint

_PARAMETER: Final = re.compile(r"\$\d+(?: /\*, \.\.\. \*/)?")  # of a list, since PostgreSQL 18
_SHORTENED: Final = re.compile(r" … #([0-9a-f]{12})\Z")
_CURSOR: Final = re.compile(
    r'DECLARE ("[^"]*"|\S+) .*?CURSOR (?:WITH(?:OUT)? HOLD )?FOR ', re.I | re.DOTALL
)
_FETCH: Final = re.compile(r'(?:FETCH|MOVE)\b.* (?:FROM|IN) ("[^"]*"|\S+)\Z', re.I | re.DOTALL)


def key(asked: str) -> str:
    """The key of a fingerprint, such as the store keeps."""
    found = _SHORTENED.search(asked)
    return found[1] if found else canonical(asked)


def key_of_postgresql(text: str) -> str:
    """The key of a text of ``pg_stat_statements``; a cursor has that of its query."""
    text = text.strip()
    declared = _CURSOR.match(text)
    text = text[declared.end() :] if declared else text
    return key(fingerprint(canonical(_PARAMETER.sub("%s", text)), "postgresql"))


def cursor(text: str) -> str | None:
    """The name of the cursor that a text declares or fetches from, if it does."""
    found = _CURSOR.match(text.strip()) or _FETCH.match(text.strip())
    return found[1] if found else None
