"""The tables of ``unhurried.later``, found when they are wanted: no room imports models."""

from __future__ import annotations

import time
from typing import Any, Final

from django.apps import apps
from django.db import DatabaseError, connections, router
from django.db.models import QuerySet

from unhurried.conf import settings

from .._databases import is_meant, is_there
from .._errors import LaterError, is_transient

APP: Final = "unhurried_later"
AGAIN: Final = 30.0  # seconds until a database that had no tables is asked again
AWAY: Final = 1.0  # the same, of one that was away
LINE: Final = 'INSTALLED_APPS += ["unhurried.later"]'


_migrated: Final[set[str]] = set()
_missing: Final[dict[str, float]] = {}


def installed() -> bool:
    return apps.ready and apps.is_installed("unhurried.later")


def require() -> None:
    """LaterError, with the way out, where the app is missing."""
    if not installed():
        raise LaterError("There is no table for what is to be done later.", f"{LINE}, and migrate.")


def _table(name: str) -> Any:
    require()
    return apps.get_model(APP, name)


def waiting(alias: str) -> Any:
    return _table("Waiting").objects.using(alias)


def lanes(alias: str) -> Any:
    return _table("Lane").objects.using(alias)


def dead(alias: str) -> Any:
    return _table("Dead").objects.using(alias)


def works() -> Any:
    """Pages that take long: in one database, and never read from a replica of it."""
    model = _table("Work")
    return model.objects.using(router.db_for_write(model))


def chosen() -> str:
    """The database that tasks wait in, unless another is named."""
    return str(router.db_for_write(_table("Waiting")))


def aliases() -> list[str]:
    """Databases that have the tables, as far as this thread is to do with them."""
    if not installed():
        return []
    model = _table("Waiting")
    return [
        alias
        for alias in connections
        if is_meant(alias) and is_there(alias)
        if router.allow_migrate_model(alias, model) and _is_migrated(alias, model._meta.db_table)
    ]


def all_rows(model: Any, alias: str | None) -> Any:
    """The rows of a site's model, whatever its managers leave out, the base manager's too."""
    return QuerySet(model, using=alias)


def removed(rows: Any) -> int:
    """Delete them in one statement, without signals; how many there were."""
    count: int = rows._raw_delete(rows.db)
    return count


def let_go() -> None:
    """Close connections that are too old or broken, as between two requests; not within one."""
    for connection in connections.all(initialized_only=True):
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()


def _is_migrated(alias: str, table: str) -> bool:
    """Asked once, and again every now and then while it is not."""
    if alias not in _migrated and _missing.get(alias, 0.0) < time.monotonic():
        try:
            if _takes_writes(alias) and table in connections[alias].introspection.table_names():
                _migrated.add(alias)
            else:
                _missing[alias] = time.monotonic() + AGAIN
        except DatabaseError as error:
            if not is_transient(error):
                raise
            _missing[alias] = time.monotonic() + AWAY
    return alias in _migrated


def _takes_writes(alias: str) -> bool:
    """A replica has the tables, and what waits in them is its primary's."""
    connection = connections[alias]
    if alias in settings.EVENTUAL or "mode=ro" in str(connection.settings_dict["NAME"]):
        return False
    if connection.vendor != "postgresql":
        return True
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOT pg_is_in_recovery()")
        return bool(cursor.fetchone()[0])
