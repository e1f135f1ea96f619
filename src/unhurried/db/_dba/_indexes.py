"""Indexes that nobody uses, that another makes needless, and that are not whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from ._answers import FINE, LOOK, NOTHING, Answer, Item
from ._asking import Look, Row
from ._foreign_keys import serves
from ._numbers import plural, size, span
from ._owners import Owner, Owners, unquoted

SMALL: Final = 1 << 20  # bytes; below, an index costs too little to be worth a word
YOUNG: Final = 7 * 86400  # seconds of statistics that say too little about what nobody uses
PAIRS: Final = ("classes", "collations", "options")


def unused(look: Look) -> Answer:
    """No scan, nothing enforced, no foreign key served, on a table that is read otherwise."""
    owners, indexes = Owners(look), look.rows("indexes")
    read = {_table(row): row["seq_scans"] + row["index_scans"] for row in look.rows("tables")}
    silent = [
        index
        for index in indexes
        if index["scans"] == 0 and index["size"] >= SMALL and may_go(index) and index["is_valid"]
        if read.get(_table(index))
    ]
    found = _without_those_of_keys(sorted(silent, key=lambda index: -index["size"]), look)
    total = sum(index["size"] for index in found)
    since, doubt = _since(look)
    return Answer(
        "unused",
        "Unused indexes",
        LOOK if found else FINE,
        f"{len(found)} of {plural(len(indexes), 'index')}, {size(total)}",
        "Every write keeps them up and none has been read"
        f" {since}; those under {size(SMALL)}, unique ones and those of foreign keys are left out.",
        ((doubt,) if found and doubt else ()) if found else (NOTHING,),
        tuple(_unused(owners.of(index), index) for index in found),
        values={"indexes": len(indexes), "bytes": total},
    )


def _since(look: Look) -> tuple[str, str]:
    """Since when they are counted, and what to say where that is too short."""
    row = look.row("since")
    ago = row["reset_ago"]
    if ago is None:
        return "since statistics began, when the database was made or the server crashed last", ""
    doubt = "Not yet: wait until the statistics have seen a week, and what runs once a month."
    return f"since statistics were reset {span(ago)} ago", doubt if ago < YOUNG else ""


def _unused(owner: Owner, index: Row) -> Item:
    return Item(
        f"{index['name']} on {owner.label}",
        f"{size(index['size'])}, 0 scans",
        owner.drop_index(index),
        values={"index": index["name"], "table": index["table"], "bytes": index["size"]},
    )


def _without_those_of_keys(silent: list[Row], look: Look) -> list[Row]:
    """Deleting what a foreign key refers to looks for rows by it, however seldom: one index stays.

    Those that are named as duplicates are not named here again.
    """
    needless = {index["oid"] for index, _ in _covered(look.rows("indexes"))}
    staying = [index for index in look.rows("indexes") if index["oid"] not in needless]
    found = []
    for index in silent:
        others = [each for each in staying if each is not index]
        if index in staying and not _leaves_a_key_alone(index, others, look.rows("foreign_keys")):
            found.append(index)
            staying = others
    return found


def _leaves_a_key_alone(index: Row, others: list[Row], keys: list[Row]) -> bool:
    served = (key for key in keys if serves(index, key))
    return any(not any(serves(other, key) for other in others) for key in served)


def duplicates(look: Look) -> Answer:
    """Those whose work another does as well: the same, or one that begins with its columns."""
    owners = Owners(look)
    found = sorted(_covered(look.rows("indexes")), key=lambda pair: -pair[0]["size"])
    total = sum(index["size"] for index, _ in found)
    return Answer(
        "duplicates",
        "Duplicate indexes",
        LOOK if found else FINE,
        f"{len(found)}, {size(total)}",
        "What another index of the table does as well costs each write and its place in memory;"
        f" of those that another only begins with, from {size(SMALL)} on.",
        () if found else (NOTHING,),
        tuple(_duplicate(owners.of(index), index, other) for index, other in found),
        values={"bytes": total},
    )


def _duplicate(owner: Owner, index: Row, other: Row) -> Item:
    same = other["columns"] == index["columns"]
    how = "the same as" if same else "the beginning of"
    return Item(
        f"{index['name']} on {owner.label}",
        f"{size(index['size'])}, {how} {other['name']} ({', '.join(other['columns'])})",
        owner.drop_index(index),
        values={
            "index": index["name"],
            "table": index["table"],
            "bytes": index["size"],
            "covered_by": other["name"],
            "same": same,
        },
    )


def _covered(indexes: Sequence[Row]) -> Iterator[tuple[Row, Row]]:
    """(index, the one that makes it needless); of two that are the same the elder stays."""
    by_table: dict[tuple[str, str], list[Row]] = {}
    for index in indexes:
        if index["is_valid"] and not index["is_building"]:
            by_table.setdefault(_table(index), []).append(index)
    for index in indexes:
        others = by_table.get(_table(index), []) if may_go(index) and index["is_valid"] else []
        covering = [each for each in others if each is not index and _covers(each, index)]
        if covering:
            yield index, min(covering, key=lambda each: (-len(each["columns"]), each["oid"]))


def _covers(other: Row, index: Row) -> bool:
    if (other["method"], other["predicate"]) != (index["method"], index["predicate"]):
        return False
    if _parts(other) == _parts(index):
        return not may_go(other) or other["oid"] < index["oid"]
    keys = index["keys"]
    return (
        index["method"] == "btree"
        and index["size"] >= SMALL
        and len(index["columns"]) == keys < other["keys"]
        and _parts(other)[:keys] == _parts(index)
    )


def _parts(index: Row) -> list[tuple[object, ...]]:
    """Of each column all that makes it what it is; of those that are only included, the name."""
    keys = [index[name][: index["keys"]] for name in PAIRS]
    parts = list(zip(index["columns"], *keys, strict=False))
    return [*parts, *((name,) for name in index["columns"][index["keys"] :])]


def may_go(index: Row) -> bool:
    """It enforces nothing, nothing else hangs on it, and it is nobody's part."""
    kept = ("is_unique", "is_constraint", "is_marked", "is_part", "is_building")
    return not any(index[name] for name in kept)


def invalid(look: Look) -> Answer:
    """Left behind by a CREATE INDEX CONCURRENTLY that has failed, or been cancelled."""
    owners = Owners(look)
    found = [i for i in look.rows("indexes") if not i["is_valid"] and not i["is_building"]]
    return Answer(
        "invalid",
        "Invalid indexes",
        "bad" if found else FINE,
        plural(len(found), "index"),
        "Left behind by a CREATE INDEX CONCURRENTLY that failed: no query may use one and each"
        " write keeps it up all the same; there should be none.",
        () if found else (NOTHING,),
        tuple(_invalid(owners.of(index), index) for index in found),
        values={"bytes": sum(index["size"] for index in found)},
    )


def _invalid(owner: Owner, index: Row) -> Item:
    first = ("first mend the rows that are there twice;",) if index["is_unique"] else ()
    return Item(
        f"{index['name']} on {owner.label}",
        f"{size(index['size'])}{', unique' if index['is_unique'] else ''}",
        (
            *first,
            f"REINDEX INDEX CONCURRENTLY {owner.qualified(index['name'])};",
            f"or, if nobody misses it: DROP INDEX CONCURRENTLY {owner.qualified(index['name'])};",
        ),
        values={"index": index["name"], "table": index["table"], "unique": index["is_unique"]},
    )


def led_by(indexes: Iterable[Row], table: tuple[str, str]) -> set[str]:
    """The columns that some whole index of the table begins with."""
    return {
        unquoted(index["columns"][0])
        for index in indexes
        if _table(index) == table and index["is_valid"] and index["predicate"] is None
    }


def _table(row: Row) -> tuple[str, str]:
    return row["schema"], row["table"]
