"""What SQLite asks Python for: it rounds in another way, and few values have to be rounded."""

from __future__ import annotations

from collections.abc import Callable
from sqlite3 import Connection
from typing import Any

from .._reads._values import decimal_of


def decimal_function(expression: Any, connection: Any) -> str | None:
    """The name of a function that says a stored number as Django does; None: it can't be had."""
    field = expression.output_field
    name = f"unhurried_decimal_{field.max_digits}_{field.decimal_places}"
    convert = decimal_of(expression)

    def said(value: Any) -> str | None:
        return None if value is None else str(convert(value))

    return name if _has(connection, name, said) else None


def _has(connection: Any, name: str, function: Callable[[Any], Any]) -> bool:
    """Made once for each connection of the driver's: one that is in use can't be made anew.

    SQLite holds on to it, unseen by the collection of garbage: it knows nothing of ``connection``.
    """
    connection.ensure_connection()
    driver = connection.connection
    if type(driver) is not Connection:
        return False
    kept = vars(connection).get("unhurried_functions")
    if kept is None or kept[0] is not driver:
        kept = connection.unhurried_functions = (driver, set())
    if name not in kept[1]:
        driver.create_function(name, 1, function, deterministic=True)
        kept[1].add(name)
    return True
