"""PostgreSQL's types by their object ids, and the Python classes that Django gets for them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from ._told import PgType

_BY_CLASS: Final[dict[tuple[type, ...], dict[str, int]]] = {
    (bool,): {"boolean": 16},
    (bytes, memoryview): {"bytea": 17},
    (int,): {"bigint": 20, "smallint": 21, "integer": 23, "oid": 26},
    (str,): {
        '"char"': 18,
        "name": 19,
        "text": 25,
        "character": 1042,
        "character varying": 1043,
        "xml": 142,
        "cidr": 650,
        "inet": 869,
    },
    (float,): {"real": 700, "double precision": 701},
    (Decimal,): {"numeric": 1700},
    (dict, list): {"json": 114, "jsonb": 3802},
    (datetime.date,): {"date": 1082},
    (datetime.time,): {"time": 1083, "time with time zone": 1266},
    (datetime.datetime,): {"timestamp": 1114, "timestamp with time zone": 1184},
    (datetime.timedelta,): {"interval": 1186},
    (UUID,): {"uuid": 2950},
}
KNOWN: Final = {
    oid: PgType(name, frozenset(classes))
    for classes, names in _BY_CLASS.items()
    for name, oid in names.items()
}
#: What an argument of a class is taken for, where the statement alone does not say.
OIDS: Final[Mapping[Any, int]] = {
    bool: 16,
    int: 23,
    str: 25,
    float: 701,
    Decimal: 1700,
    bytes: 17,
    memoryview: 17,
    datetime.date: 1082,
    datetime.time: 1083,
    datetime.datetime: 1184,
    datetime.timedelta: 1186,
    UUID: 2950,
    dict: 3802,
}
_DOMAIN, _ENUM, _PSEUDO = "d", "e", "p"


def types_of(oids: Iterable[int], connection: Any) -> dict[int, PgType]:
    """By their object ids: domains by what they are made of, enumerations as texts."""
    wanted = set(oids)
    catalogue = _catalogue(wanted - KNOWN.keys(), connection)
    return {oid: _type(oid, catalogue) for oid in wanted}


def _catalogue(oids: set[int], connection: Any) -> dict[int, Any]:
    """Rows of pg_type, and of the types these refer to."""
    found: dict[int, Any] = {}
    while oids:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT oid, typname, typtype, typbasetype, typelem, typcategory "
                "FROM pg_catalog.pg_type WHERE oid = ANY(%s)",
                [list(oids)],
            )
            found |= {row[0]: row for row in cursor.fetchall()}
        refers = {other for row in found.values() for other in (row[3], row[4]) if other}
        oids = refers - found.keys() - KNOWN.keys()
    return found


def _type(oid: int, catalogue: dict[int, Any]) -> PgType:
    if oid in KNOWN:
        return KNOWN[oid]
    if oid not in catalogue:
        return PgType(f"type {oid}")
    _, name, kind, base, element, category = catalogue[oid]
    if kind == _DOMAIN:
        inner = _type(base, catalogue)
        return PgType(name, inner.python, inner.inner)
    if category == "A" and element and kind != _PSEUDO:
        held = _type(element, catalogue)
        return PgType(f"{held.name}[]", frozenset({list}), held)
    if kind == _ENUM or name == "citext":
        return PgType(name, frozenset({str}))
    return PgType(name)
