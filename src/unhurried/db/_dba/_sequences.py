"""Sequences, and the keys they fill, on their way to the end of their type."""

from __future__ import annotations

from typing import Final

from ._answers import BAD, FINE, LOOK, NOTHING, UNKNOWN, Answer, Item
from ._asking import Look, Row
from ._numbers import percent
from ._owners import Owner, Owners

FAR: Final = 0.5  # of the way: a big table's key takes its time to be made wider
TOO_FAR: Final = 0.8


def sequences(look: Look) -> Answer:
    """The last value of each against the most its column can hold."""
    rows = [row for row in look.rows("sequences") if row["ascends"] and not row["cycle"]]
    hidden = [row["name"] for row in rows if not row["may_read"]]
    used = sorted(((_share(row), row) for row in rows), key=lambda pair: -pair[0])
    found = [(share, row) for share, row in used if share >= FAR]
    furthest = f"; the furthest is {used[0][1]['name']} at {percent(used[0][0])}" if used else ""
    state = BAD if found and found[0][0] >= TOO_FAR else LOOK if found else FINE
    role = look.quoted(look.row("since")["role"])
    grant = f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};"
    return Answer(
        "sequences",
        "Sequences near their end",
        UNKNOWN if hidden and not found else state,
        f"{len(found)} of {len(rows)}{furthest}",
        f"After the last value no row can be added; from {percent(FAR)} on there is still time."
        + (f" The role may not read {len(hidden)} of them." if hidden else ""),
        ((grant,) if hidden else ()) if found or hidden else (NOTHING,),
        tuple(_item(Owners(look).of(_table(row)), row, share) for share, row in found),
        values={"sequences": len(rows), "hidden": hidden},
    )


def _share(row: Row) -> float:
    return float((row["last_value"] or 0) / min(row["most"], row["max_value"]))


def _table(row: Row) -> Row:
    return {"schema": row["table_schema"], "table": row["table"]}


def _item(owner: Owner, row: Row, share: float) -> Item:
    most = min(row["most"], row["max_value"])
    return Item(
        owner.column(row["column"]),
        f"{percent(share)}: {row['last_value']:,} of {most:,} ({row['type']})",
        _wider(owner, row),
        values={
            "sequence": row["name"],
            "table": row["table"],
            "column": row["column"],
            "last": row["last_value"],
            "most": most,
            "share": share,
        },
    )


def _wider(owner: Owner, row: Row) -> tuple[str, ...]:
    fields = owner.fields([row["column"]])
    if row["max_value"] < row["most"]:
        return (f"ALTER SEQUENCE {owner.qualified(row['name'])} NO MAXVALUE;",)
    if row["type"] == "bigint":
        return ("bigint has no wider type: look for what takes values in vain",)
    if not fields:
        column = owner.look.quoted(row["column"])
        return (f"ALTER TABLE {owner.name} ALTER COLUMN {column} TYPE bigint;", _REWRITES)
    kind = "BigAutoField(primary_key=True)" if fields[0].primary_key else "BigIntegerField()"
    return (
        f"{owner.label}: {fields[0].name} = models.{kind}, and makemigrations",
        f"{_REWRITES}; foreign keys to it become bigint with it",
    )


_REWRITES: Final = "that rewrites the table, and nobody reads it meanwhile"
