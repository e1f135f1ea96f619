"""Whether methods are still those that Django and its drivers wrote."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper


def is_own(function: Any, package: str) -> bool:
    """``functools.wraps`` and proxies copy names; they don't copy where a function lives."""
    if type(function) is not FunctionType:
        return False
    home: str = function.__globals__["__name__"]
    return home.partition(".")[0] == package


def makes_plain_cursors(connection: Any, backend: type[BaseDatabaseWrapper]) -> bool:
    """Neither a backend below Django's own nor somebody who has been here makes other cursors."""
    kind, here = type(connection), vars(connection)
    return (
        "cursor" not in here
        and "create_cursor" not in here
        and here.get("make_cursor") is here.get("unhurried_make")  # our measuring's, or none
        and kind.create_cursor is backend.create_cursor
        and kind.make_cursor is BaseDatabaseWrapper.make_cursor
        and kind.cursor is BaseDatabaseWrapper.cursor
    )
