"""What PostgreSQL itself says at this moment: who waits for whom (``pg_stat_activity``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from django.db import connections

from unhurried.db import DbError
from unhurried.db.reading import Item, ask_dba

from ._ledger import Ledger
from ._sizes import SHARE
from ._verdict import SURE, Verdict

TOLD: Final = 3


def add(verdict: Verdict, ledger: Ledger) -> None:
    """Its word to the findings about locks, or to the notes; asked only where databases matter."""
    if ledger.share(ledger.sum("database")) < SHARE:
        return
    for alias in _servers(ledger):
        try:
            [answer] = ask_dba(alias, ["locks"]).answers
        except DbError as error:
            verdict.unseen.append(f"Who waits for whom in {alias!r}: {error}")
            continue
        for item in answer.items[:TOLD]:
            _tell(verdict, item)


def _servers(ledger: Ledger) -> Iterator[str]:
    asked = {row.alias for _, row in ledger.statements()}
    yield from (a for a in connections if a in asked and connections[a].vendor == "postgresql")


def _tell(verdict: Verdict, item: Item) -> None:
    said = f"PostgreSQL, just now: {item.what}, {item.number}"
    about = [cause for cause in verdict.findings if cause.key.startswith("locks:")]
    for cause in about:
        cause.confidence = SURE
        cause.evidence.append(said)
    if not about:
        verdict.notes.insert(0, said)
