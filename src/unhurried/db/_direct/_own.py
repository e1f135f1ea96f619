"""Whether methods are still those that Django and its drivers wrote."""

from __future__ import annotations

from types import FunctionType
from typing import Any, Final

from django.db.backends.base.base import BaseDatabaseWrapper


def is_own(function: Any, package: str) -> bool:
    """``functools.wraps`` and proxies copy names; they don't copy where a function lives."""
    if type(function) is not FunctionType:
        return False
    home: str = function.__globals__["__name__"]
    return home.partition(".")[0] == package


def _own(name: str) -> Any:
    function = getattr(BaseDatabaseWrapper, name)
    return is_own(function, "django") and function


#: The way to a cursor, where a backend may say first what each statement needs (a search path).
STEPS: Final = {name: _own(name) for name in ("cursor", "_cursor", "_prepare_cursor")}
MAKE: Final = _own("make_cursor")


def makes_plain_cursors(connection: Any, backend: type[BaseDatabaseWrapper]) -> bool:
    """Neither a backend below Django's own nor somebody who has been here makes other cursors."""
    kind, here = type(connection), vars(connection)
    for name, own in STEPS.items():
        if name in here or getattr(kind, name) is not own:
            return False
    return (
        "create_cursor" not in here
        and "ensure_connection" not in here
        and here.get("make_cursor") is here.get("unhurried_make")  # our measuring's, or none
        and kind.create_cursor is backend.create_cursor
        and kind.make_cursor is MAKE
        and kind.close_if_health_check_failed is backend.close_if_health_check_failed
        and is_own(kind.ensure_connection, "django")  # pytest-django forbids it as it begins
    )
