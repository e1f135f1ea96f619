"""By hand, for what no statement tells: a file, another service, a change of mind."""

from __future__ import annotations

from django.db import connections, router
from django.db.models import Model

from unhurried.conf import settings

from .._errors import CacheError, Unavailable
from .._sql import folded
from .._tokens import _spool
from .._tokens._home import home_of
from .._units import _tags
from .._units._ends import renewed
from .._units._ties import ties_of
from .._units._unit import unit_now


def invalidate(what: type[Model] | Model | str) -> None:
    """All that depends on a model's table, or on a name, is old: in each process and on each host.

    ``invalidate(Book)``, ``invalidate(book)``: whatever has read that table (rows are not told
    apart). ``invalidate("books.views.book_list")``: whatever that cached function, page or part of
    a template made. Raises CacheError for anything else.
    """
    if isinstance(what, str) and what:
        return invalidate_name(what)
    model = what if isinstance(what, type) else type(what)
    if not issubclass(model, Model):
        raise CacheError(
            f"invalidate({what!r}) is neither a model, nor an instance, nor a name.",
            "Pass Book, a book, or the name of what is cached.",
        )
    using = what._state.db if isinstance(what, Model) else None
    connection = connections[using or router.db_for_write(model)]
    alias, table = ties_of(connection).database, model._meta.db_table.replace('"', "")
    tags = [_tags.table(alias, folded(table, connection.vendor))]
    _renew(alias, tags)


def invalidate_name(name: str) -> None:
    _renew("default", [_tags.named(name)])


def _renew(alias: str, tags: list[str]) -> None:
    home, unit = home_of(alias), unit_now()
    if unit is not None:  # who asked for it is to see what comes of it
        unit.wrote = True
    try:
        home.renew(tags, settings.DEADLINE)
    except Unavailable:
        _spool.failed(home, tags)
    for listener in renewed:
        listener(tags)
