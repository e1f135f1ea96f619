"""The names a quoted word may have and be no literal: those of tables and columns, and aliases.

``"x"`` is a name by the standard, but SQLite takes it as a string where nothing is called so, and
MySQL always does. There a quoted word is let through only if it is a name we know.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from django.apps import apps

#: What Django itself calls things: tables joined again, subqueries, what prefetching adds.
DJANGOS: Final = re.compile(
    r"[T-Z]\d+|subquery|__count|(?:__)?(?:order)?by\d+|(?:__)?(?:order_?by)?col\d+|qual\d+"
    r"|_prefetch_related_val_\w{1,60}|_order|combined|django_migrations|app|name|applied"
)
_PARTS: Final = re.compile(r'[^".]+')

_known: tuple[int, frozenset[str]] = (0, frozenset())


def is_known(name: str) -> bool:
    """Whether a table or column of an installed model, or something of Django's, is called so."""
    return name in _all() or DJANGOS.fullmatch(name) is not None


def _all() -> frozenset[str]:
    """Read anew when models have come since: tests make some, and so do plugins."""
    global _known
    if not apps.models_ready:
        return frozenset()
    models = sum(map(len, apps.all_models.values()))
    if models != _known[0]:
        _known = models, frozenset(_collect())
    return _known[1]


def _collect() -> Iterator[str]:
    for registered in list(apps.all_models.values()):
        for model in list(registered.values()):
            yield model._meta.db_table
            yield from _PARTS.findall(model._meta.db_table)  # some write "schema"."table"
            yield from (f.column for f in model._meta.local_concrete_fields if f.column)
