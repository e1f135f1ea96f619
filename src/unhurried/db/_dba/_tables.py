"""Tables that are read from end to end, and tables full of what has been deleted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ._answers import BAD, FINE, LOOK, NOTHING, Answer, Item
from ._asking import Look, Row
from ._columns import asked_of
from ._indexes import led_by
from ._numbers import percent, plural, size, span
from ._owners import Owners

BIG: Final = 10_000  # rows
SCANS: Final = 100  # from end to end; a dump and an ANALYZE are some, too
MOST_OF_IT: Final = 0.5  # of the rows, read by the mean scan
DEAD: Final = 1000  # rows
MUCH: Final = 0.2  # of a table's rows, dead; what autovacuum waits for
OLD: Final = 0.5  # of the way to the last transaction


def missing(look: Look) -> Answer:
    """Big tables that are read from end to end, again and again."""
    rows = look.rows("tables")
    found = sorted(filter(_is_scanned, rows), key=lambda row: -row["seq_rows"])
    return Answer(
        "missing",
        "Missing indexes",
        LOOK if found else FINE,
        f"{plural(len(found), 'table')} of {len(rows)}",
        "A scan from end to end reads each row to find a few; of tables with"
        f" {BIG:,} rows or more, {SCANS} scans or more, that read half of the rows or more.",
        () if found else (NOTHING,),
        tuple(_missing(row, look) for row in found),
        values={"tables": len(rows)},
    )


def _is_scanned(row: Row) -> bool:
    each = row["seq_rows"] / max(row["seq_scans"], 1)
    return bool(
        row["planned"] >= BIG and row["seq_scans"] >= SCANS and each >= MOST_OF_IT * row["planned"]
    )


def _missing(row: Row, look: Look) -> Item:
    owner = Owners(look).of(row)
    led = led_by(look.rows("indexes"), (row["schema"], row["table"]))
    asked = asked_of(row["table"], look.alias, led)
    each = row["seq_rows"] / row["seq_scans"]
    remedy = owner.add_index(asked.columns) if asked else (_NOT_KNOWN.format(owner.label),)
    return Item(
        owner.label,
        f"{plural(row['seq_scans'], 'scan')} of {each:,.0f} of {plural(row['planned'], 'row')},"
        f" {size(row['size'])}",
        remedy,
        asked.notes if asked else (),
        values={
            "table": row["table"],
            "scans": row["seq_scans"],
            "rows_each": each,
            "live": row["live"],
            "columns": list(asked.columns) if asked else [],
        },
    )


_NOT_KNOWN: Final = (
    "Which column is looked for is not known here: see the top statements that read {},"
    " and their QuerySet.explain()."
)


def vacuum(look: Look) -> Answer:
    """Dead rows, tables the planner knows nothing of, and the age of the oldest transaction."""
    rows, age = look.rows("tables"), look.row("wraparound")
    items = [*_wraparound(look, age), *_dead(look, rows), *_unknown(look, rows)]
    dead, live = sum(row["dead"] for row in rows), sum(row["live"] for row in rows)
    old = age["age"] >= OLD * age["stops_at"]
    return Answer(
        "vacuum",
        "Dead rows and vacuum",
        BAD if old else LOOK if items else FINE,
        f"{plural(dead, 'dead row')} beside {live:,.0f}; transactions at"
        f" {percent(age['age'] / age['stops_at'])} of the wraparound",
        f"Dead rows are read and kept in memory like others; from {percent(MUCH)} of a table on"
        " they are too many, and at the wraparound PostgreSQL takes no more writes.",
        () if items else (NOTHING,),
        tuple(items),
        values={"dead": dead, "live": live, "transaction_age": age["age"]},
    )


def _wraparound(look: Look, age: Row) -> Iterator[Item]:
    if age["age"] >= OLD * age["stops_at"]:
        yield Item(
            f"transactions of {look.row('since')['database']}",
            f"{age['age']:,} of {age['stops_at']:,}; frozen from {age['freeze_at']:,} on",
            ("VACUUM (FREEZE);", "and see who keeps a transaction open: question locks"),
            values={"age": age["age"]},
        )


def _dead(look: Look, rows: list[Row]) -> Iterator[Item]:
    for row in sorted(rows, key=lambda row: -row["dead"]):
        share = row["dead"] / max(row["dead"] + row["live"], 1)
        if row["dead"] >= DEAD and share >= MUCH:
            owner = Owners(look).of(row)
            yield Item(
                owner.label,
                f"{plural(row['dead'], 'dead row')}, {percent(share)}; vacuumed"
                f" {_ago(row['vacuumed_ago'])}",
                (f"VACUUM (ANALYZE) {owner.name};", _henceforth(owner.name, row)),
                values={"table": row["table"], "dead": row["dead"], "share": share},
            )


def _henceforth(table: str, row: Row) -> str:
    if not row["autovacuum"]:
        return f"autovacuum is off here: ALTER TABLE {table} RESET (autovacuum_enabled);"
    if row["dead"] < row["due"]:
        return f"ALTER TABLE {table} SET (autovacuum_vacuum_scale_factor = 0.05);"
    return "autovacuum is due: if it can't keep up, a transaction may be open; question locks"


def _unknown(look: Look, rows: list[Row]) -> Iterator[Item]:
    for row in rows:
        if row["analyzed_ago"] is None and row["changed"] >= DEAD and row["live"] >= DEAD:
            owner = Owners(look).of(row)
            yield Item(
                owner.label,
                f"{plural(row['live'], 'row')}, never analyzed: the planner guesses",
                (f"ANALYZE {owner.name};",),
                values={"table": row["table"], "live": row["live"], "analyzed": False},
            )


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{span(seconds)} ago"
