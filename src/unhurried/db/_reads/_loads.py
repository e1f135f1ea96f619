"""Loops that are kept, by what is selected: of one row they cost more than the row.

A key names the columns by the identity of their fields, which the kept value holds on to. What is
not made of plain columns is written anew each time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.db.models.expressions import Col

from .._kept import kept_on
from . import _shape, _sound
from ._code import Load, is_plain, loader

MOST: Final = 500  # loops that a connection keeps
#: (the loop, the models that must stay as they are, what the key's identities are of)
Kept = tuple[Load, list[Any], list[Any]]


def of_instances(compiler: Any, alias: str, mode: Any) -> Load:
    """For the rows of this query. DbError where a model must see its instances being made."""
    connection = compiler.connection
    seen: list[Any] = []
    key = None
    if not (compiler.annotation_col_map or tracks(mode)):
        key = _key(compiler.klass_info, compiler.select, seen)
    if key is None:
        return loader(_shape.of_instances(compiler), alias, mode)
    key = (key, alias, mode, settings.USE_TZ, connection.timezone)
    found = _of(connection).get(key)
    if found is not None:
        for model in found[1]:
            _sound.check_listeners(model)
        return found[0]
    load = loader(_shape.of_instances(compiler), alias, mode)
    models = [each for each in seen if isinstance(each, type)]
    return _keep(connection, key, load, models, seen)


def tracks(mode: Any) -> bool:
    """Whether instances know those that were read with them: that is each query's own."""
    return mode is not None and bool(mode.track_peers)


def of_values(compiler: Any, alias: str, kind: type, make: Callable[..., Any]) -> Load:
    """For rows of values, each of which ``make`` makes a ``kind`` of."""
    connection = compiler.connection
    columns = [each[0] for each in compiler.select[: compiler.col_count]]
    if not all(type(each) is Col and each.target is each.output_field for each in columns):
        return loader(_shape.of_values(compiler), alias, make=make)
    seen = [kind, *(each.target for each in columns)]
    key = (tuple(map(id, seen)), settings.USE_TZ, connection.timezone)
    found = _of(connection).get(key)
    if found is not None:
        return found[0]
    load = loader(_shape.of_values(compiler), alias, make=make)
    return _keep(connection, key, load, [], seen)


def _of(connection: Any) -> dict[Any, Kept]:
    return kept_on(connection).setdefault(loader, {})  # type: ignore[no-any-return]


def _keep(connection: Any, key: Any, load: Load, models: list[Any], seen: list[Any]) -> Load:
    kept = _of(connection)
    if len(kept) >= MOST:
        kept.clear()
    kept[key] = load, models, seen
    return load


def _key(info: Any, select: Any, seen: list[Any]) -> Any:
    """Names what is selected for one model, and for those beside it; None: it can't be named."""
    fields = [select[place][0].target for place in info["select_fields"]]
    seen.append(info["model"])
    seen.extend(fields)
    found: list[Any] = [id(info["model"]), *map(id, fields)]
    if "local_setter" in info:
        if not (is_plain(info["local_setter"]) and is_plain(info["remote_setter"])):
            return None
        seen.append(info["field"])
        found += [id(info["field"]), info["reverse"], info["from_parent"]]
    for each in info.get("related_klass_infos", ()):
        inner = _key(each, select, seen)
        if inner is None:
            return None
        found.append(inner)
    return tuple(found)
