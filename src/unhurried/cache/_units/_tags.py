"""Names of what may change. They hold tables and names of functions, never values of rows."""

from __future__ import annotations

from collections.abc import Iterable

NAME = "name"


def table(alias: str, name: str) -> str:
    return f"{alias}:{name}"


def everything(alias: str) -> str:
    """Renewed by a write nobody can vouch for; whoever reads a table of the alias depends on it."""
    return f"{alias}:*"


def epoch(alias: str) -> str:
    """Renewed by every write on the alias, before the tokens of its tables."""
    return f"db:{alias}"


def named(name: str) -> str:
    """Renewed by ``invalidate(name)``."""
    return f"{NAME}:{name}"


def alias_of(tag: str) -> str:
    """The database whose token home keeps this tag; names lie where those of "default" do."""
    kind, _, rest = tag.partition(":")
    return rest if kind == "db" else "default" if kind == NAME else kind


def tables(alias: str, names: Iterable[str]) -> set[str]:
    return {table(alias, name) for name in names}
