"""Who holds a transaction open, and who waits for whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from unhurried.queries.reading import fingerprint

from ._answers import BAD, FINE, NOTHING, UNKNOWN, Answer, Item
from ._asking import Look, Row
from ._numbers import plural, span
from ._ties import Ties

IDLE: Final = "idle in transaction"
IDLE_FOR: float = 60.0  # seconds
OPEN_FOR: float = 300.0
WAITED_FOR: float = 1.0
TEXT: Final = 300  # characters of a statement


def locks(look: Look) -> Answer:
    """Transactions that are open too long, and whoever waits for a lock."""
    rows, ties = [r for r in look.rows("sessions") if r["here"]], Ties.of(look.alias)
    waiting = [row for row in rows if (row["waited_for"] or 0.0) >= WAITED_FOR and row["blockers"]]
    idle = [r for r in rows if (r["state"] or "").startswith(IDLE) and r["state_for"] >= IDLE_FOR]
    long = [r for r in rows if r["state"] == "active" and (r["open_for"] or 0.0) >= OPEN_FOR]
    items = [
        *(_waits(row, rows, ties) for row in waiting),
        *(_idles(row, ties) for row in idle),
        *(_runs(row, ties) for row in long if row not in waiting),
    ]
    hidden = not look.row("since")["sees_all"] and any(_is_hidden(row) for row in rows)
    return Answer(
        "locks",
        "Long transactions and lock waits",
        BAD if items else UNKNOWN if hidden else FINE,
        f"{plural(len(waiting), 'wait')}, {len(idle)} idle in transaction, {len(long)} long",
        "An open transaction keeps its locks, and dead rows from being cleaned up; named from"
        f" {WAITED_FOR:.0f} s of waiting, {IDLE_FOR:.0f} s idle and {OPEN_FOR:.0f} s running on."
        + (" The role sees of others no state." if hidden else ""),
        (_grant(look),) if hidden else () if items else (NOTHING,),
        tuple(items),
        values={"waiting": len(waiting), "idle": len(idle), "long": len(long)},
    )


def _is_hidden(row: Row) -> bool:
    return row["state"] is None


def _grant(look: Look) -> str:
    return f"GRANT pg_read_all_stats TO {look.quoted(look.row('since')['role'])};"


def _waits(row: Row, rows: list[Row], ties: Ties) -> Item:
    known = {each["pid"]: each for each in rows}
    blockers = [known[pid] for pid in row["blockers"] if pid in known]
    on = f" for {row['waited_for_table']}" if row["waited_for_table"] else ""
    return Item(
        f"{_who(row)} waits{on}, since {span(row['waited_for'])}",
        "for " + ", ".join(_who(each) for each in blockers) if blockers else "for a transaction",
        (
            "select_for_update(nowait=True), or skip_locked; rows in the same order everywhere;",
            'OPTIONS = {"options": "-c lock_timeout=5000"} ends the wait',
        ),
        (*_asks(row, ties), *(f"held by: {t}" for b in blockers for t in _asks(b, ties))),
        values={**_values(row), "blockers": row["blockers"], "seconds": row["waited_for"]},
    )


def _idles(row: Row, ties: Ties) -> Item:
    return Item(
        f"{_who(row)} is {row['state']}",
        f"since {span(row['state_for'])}",
        (
            "end atomic() before what takes its time (HTTP, mail, files): transaction.on_commit();",
            'OPTIONS = {"options": "-c idle_in_transaction_session_timeout=60000"}',
            f"now: SELECT pg_terminate_backend({row['pid']});",
        ),
        tuple(f"its last: {text}" for text in _asks(row, ties)),
        values={**_values(row), "seconds": row["state_for"]},
    )


def _runs(row: Row, ties: Ties) -> Item:
    return Item(
        f"{_who(row)} runs in a transaction",
        f"since {span(row['open_for'])}",
        (
            "smaller batches, each in an atomic() of its own;",
            f"now: SELECT pg_cancel_backend({row['pid']});",
        ),
        tuple(_asks(row, ties)),
        values={**_values(row), "seconds": row["open_for"]},
    )


def _values(row: Row) -> dict[str, Any]:
    return {"pid": row["pid"], "application": row["application"], "role": row["role"]}


def _who(row: Row) -> str:
    application = f" {row['application']}" if row["application"] else ""
    return f"pid {row['pid']}{application} ({row['role']})"


def _asks(row: Row, ties: Ties) -> Iterator[str]:
    """The statement without its values, and the lines that ask it."""
    if row["query"] and not _is_hidden(row):
        text = fingerprint(row["query"], "postgresql")[:TEXT]
        lines = ", ".join(place.line for place in ties.places(row["query"]))
        yield f"{text} at {lines}" if lines else text
