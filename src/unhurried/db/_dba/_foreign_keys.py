"""Foreign keys whose columns no index begins with."""

from __future__ import annotations

from typing import Final

from ._answers import FINE, LOOK, NOTHING, Answer, Item
from ._asking import Look, Row
from ._numbers import plural, size
from ._owners import Owner, Owners, is_indexed

MOST_SCANNED: Final = 1000  # rows; a table of fewer is read faster than an index


def foreign_keys(look: Look) -> Answer:
    """Whoever deletes what they refer to reads the whole table for each row."""
    owners, keys, indexes = Owners(look), look.rows("foreign_keys"), look.rows("indexes")
    found = [
        key
        for key in keys
        if key["live"] >= MOST_SCANNED and not any(serves(index, key) for index in indexes)
    ]
    found.sort(key=lambda key: (-key["live"], key["name"]))
    return Answer(
        "foreign-keys",
        "Foreign keys without an index",
        LOOK if found else FINE,
        f"{len(found)} of {len(keys)}",
        "Each delete of what they refer to, and each join from there, reads the whole table; of"
        f" tables with {MOST_SCANNED:,} rows or more.",
        () if found else (NOTHING,),
        tuple(_item(owners.of(key), key) for key in found),
        values={"foreign_keys": len(keys)},
    )


def serves(index: Row, key: Row) -> bool:
    """Whether an index finds the rows of a foreign key: its first columns are the key's."""
    if (index["schema"], index["table"]) != (key["schema"], key["table"]):
        return False
    columns = key["numbers"]
    first = index["numbers"][: index["keys"]][: len(columns)]
    whole = index["predicate"] is None or _leaves_only_null(index, key)
    return bool(index["is_valid"]) and whole and sorted(first) == sorted(columns)


def _leaves_only_null(index: Row, key: Row) -> bool:
    """``WHERE author_id IS NOT NULL``: what refers to nothing is not looked for."""
    return index["predicate"] in {f"({column} IS NOT NULL)" for column in key["columns"]}


def _item(owner: Owner, key: Row) -> Item:
    fields = owner.fields(key["columns"])
    named = " and ".join(owner.column(column) for column in key["columns"])
    off = len(fields) == 1 and fields[0].remote_field and not is_indexed(fields[0])
    remedy = (f"{named}: without db_index=False, and makemigrations",) if off else ()
    return Item(
        f"{named} to {key['target']}",
        f"{plural(key['live'], 'row')}, {size(key['size'])}",
        remedy or owner.add_index(key["columns"]),
        values={"constraint": key["name"], "table": key["table"], "columns": key["columns"]},
    )
