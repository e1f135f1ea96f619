"""The grade that loses nothing: each hit is a deferred write, in the caller's transaction."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

from .._elsewhere import elsewhere
from .._outbox._tables import waiting
from .._writing._lane import lane_of
from .._writing._values import told
from .._writing._written import write
from ._target import Target
from ._value import stored

KIND: Final = "update"
TRIES: Final = 5


def add(target: Target, pk: Any, n: int, alias: str) -> None:
    """One INSERT, undone with the transaction that it is part of; who drains adds many up."""
    label = target.model._meta.label
    lane = lane_of(target.model)
    write(KIND, label, [body(target, pk, n)], using=alias, lane=lane)


def body(target: Target, pk: Any, n: int) -> dict[str, Any]:
    """As ``later(rows).update(views=F("views") + n)`` is written down."""
    return {"pk": [told(target.model._meta.pk, pk)], "add": {target.field.name: n}}


def pending(target: Target, pk: Any, alias: str) -> Any:
    """What is committed, of all processes, or of this transaction, and not applied yet."""
    return sum(_waiting(target, pk, alias).values())


def value(target: Target, pk: Any, alias: str) -> Any:
    """Who drains between two looks takes rows away: then look again, lest a hit be missed."""
    for _ in range(TRIES):
        before = _waiting(target, pk, alias)
        number = stored(target, pk, alias)
        after = _waiting(target, pk, alias)
        if before.keys() <= after.keys():
            break
    return number + sum(after.values())


def _waiting(target: Target, pk: Any, alias: str) -> dict[Any, Any]:
    """id -> n of each row of the outbox that adds to it."""
    if elsewhere(alias):
        return {}
    label = target.model._meta.label
    rows = waiting(alias).filter(lane=lane_of(target.model), kind=KIND, target=label)
    found, wanted = {}, told(target.model._meta.pk, pk)
    for number, text in rows.values_list("pk", "body"):
        said = json.loads(text)
        if wanted in said["pk"] and (n := said.get("add", {}).get(target.field.name)):
            found[number] = Decimal(n) if isinstance(n, str) else n
    return found
