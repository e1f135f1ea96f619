"""Whether a connection here sees other tables than that of whoever works: a schema, or a role.

What waits is worked on by a connection as it is when it has just been opened. What a request has
set on its own is not known there.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Final

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

_NOW: Final = "SELECT current_setting('search_path'), current_user"
_usual: Final[dict[str, tuple[str, str]]] = {}
_moved: Final[set[str]] = set()  # aliases: of most nothing needs to be asked, nor a connection got


def moved(connection: BaseDatabaseWrapper) -> None:
    """A search path or a role has been set on it: from now on it is asked where it is.

    Whoever listens to statements says so. Asking is exact where what was heard is not: it may have
    been for one transaction, be undone by now, or be done to each connection that is opened.
    """
    connection.unhurried_moved = True  # type: ignore[attr-defined]
    _moved.add(connection.alias)


def elsewhere(alias: str) -> str:
    """Where this thread's connection is, in words; nothing where whoever works would be, too."""
    if _is_tenants(alias):
        return _schema(connections[alias])
    if alias not in _moved:
        return ""
    connection = connections[alias]
    heard = getattr(connection, "unhurried_moved", False)
    return _set(connection) if heard and connection.vendor == "postgresql" else ""


def anywhere() -> str:
    """The same, of whichever of this thread's connections is elsewhere."""
    known = (each.alias for each in connections.all(initialized_only=True))
    return next((where for alias in known if (where := elsewhere(alias))), "")


def come_back() -> None:
    """Let this thread have new connections instead of those that are elsewhere; not amid a block.

    For whoever works: what has been done by it may have left them there, or its broker.
    """
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block and elsewhere(connection.alias):
            connection.close()
            del connections[connection.alias]


@cache
def _is_tenants(alias: str) -> bool:
    """django-tenants' and django-tenant-schemas' connections say themselves where they are."""
    return hasattr(connections[alias], "set_schema")


def _schema(connection: Any) -> str:
    """A new connection is in the public schema, which both packages call by this setting."""
    name = getattr(connection, "schema_name", None)
    usual = getattr(settings, "PUBLIC_SCHEMA_NAME", "public")
    return "" if name in (None, usual) else f"the schema {name!r}"


def _set(connection: Any) -> str:
    if connection.connection is None:
        return ""
    path, role = _asked(connection)
    usual_path, usual_role = _usual_of(connection.alias)
    if role != usual_role:
        return f"the role {role!r}"
    return "" if path == usual_path else f"the search path {path!r}"


def _usual_of(alias: str) -> tuple[str, str]:
    """Of a connection that has just been opened, with all that is done to each: asked once."""
    if alias not in _usual:
        fresh: Any = connections.create_connection(alias)
        fresh.unhurried_private = True  # no statement of the page's
        try:
            _usual[alias] = _asked(fresh)
        finally:
            fresh.close()
    return _usual[alias]


def _asked(connection: Any) -> tuple[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(_NOW)
        path, role = cursor.fetchone()
    return path, role
