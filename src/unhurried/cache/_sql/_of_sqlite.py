"""SQLite's catalogue: the texts of its views and triggers, and the actions of its foreign keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._relations import named
from ._tables import EVERYTHING
from ._words import UnclearError, folded, words

if TYPE_CHECKING:
    from ._catalogue import Catalogue

Ask = Callable[[str], list[tuple[Any, ...]]]
ACTIONS = ("CASCADE", "SET NULL", "SET DEFAULT")


def fill(found: Catalogue, ask: Ask) -> None:
    """Read it all; a virtual table's modules are taken to keep to themselves."""
    opaque = []
    for master in ("sqlite_master", "sqlite_temp_master"):
        for kind, name, table, sql in ask(f"SELECT type, name, tbl_name, sql FROM {master}"):
            if kind == "view":
                found.reads[_folded(name)] |= set(map(_folded, view(sql)))
            elif kind == "trigger":
                written = found.writes[_folded(table)]
                written |= set(map(_folded, trigger(sql)))
                if EVERYTHING in written:
                    opaque.append(_folded(table))
            elif kind == "table":
                foreign_keys(found, ask, name)
    found.opaque = tuple(opaque)


def view(sql: str) -> set[str]:
    """What stands behind AS."""
    try:
        text = [word for word in words(sql, "sqlite") if word]
    except UnclearError:
        return {EVERYTHING}
    return named(text[text.index("as") :], "select").read if "as" in text else {EVERYTHING}


def trigger(sql: str) -> set[str]:
    """What is written between BEGIN and END."""
    try:
        text = [word for word in words(sql, "sqlite") if word]
    except UnclearError:
        return {EVERYTHING}
    if "begin" not in text:
        return {EVERYTHING}
    written: set[str] = set()
    statement: list[str] = []
    for word in text[text.index("begin") + 1 :]:
        if word == ";":
            written |= named(statement, statement[0] if statement else "").written
            statement = []
        else:
            statement.append(word)
    return written


def foreign_keys(found: Catalogue, ask: Ask, table: str) -> None:
    """Deleting a parent, or giving it another key, writes its children."""
    quoted = table.replace('"', '""')
    for row in ask(f'PRAGMA foreign_key_list("{quoted}")'):
        parent, on_update, on_delete = row[2], row[5], row[6]
        if on_update in ACTIONS or on_delete in ACTIONS:
            found.writes[_folded(parent)].add(_folded(table))


def _folded(name: str) -> str:
    return folded(name, "sqlite")
