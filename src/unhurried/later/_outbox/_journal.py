"""Writing down what is to be done: one INSERT, in the caller's transaction and database."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from django.db import connections, transaction

from .._kick import kick
from . import _sweep
from ._kinds import TASK, TASKS_LANE, WRITES_LANE
from ._tables import waiting

FEW: Final = 20  #: rows that one statement may insert on any database
_UNIQUE: Final = {"update_conflicts": True, "unique_fields": ["key"], "update_fields": ["key"]}


def journal(
    *,
    kind: str,
    target: str,
    bodies: Sequence[dict[str, Any]],
    using: str,
    lane: str = "",
    actor: str = "",
    key: str | None = None,
    due: Any = None,
) -> None:
    """Let each of the bodies be done after the commit; a rollback leaves nothing of them.

    Args:
        kind: ``"task"``, or ``"update"``, ``"delete"``, ``"create"``, ``"sql"``.
        target: a task's name, or a model's label.
        bodies: what there is to know, as JSON can tell it; a row each.
        lane: default: the target.
        key: nothing is added while another with this key waits.
        due: a moment or an expression; default: now.
    """
    queryset = waiting(using)
    model = queryset.model
    rows = [
        model(
            lane=lane or target,
            kind=kind,
            target=target,
            body=json.dumps(body, allow_nan=False, separators=(",", ":")),
            actor=actor,
            key=key,
            **({} if due is None else {"due": due}),
        )
        for body in bodies
    ]
    if key is not None:
        # Who finds the key there locks that row: it can't begin before this transaction has
        # ended, so whoever does it sees what was written here.
        queryset.bulk_create(rows, **_UNIQUE)
    elif len(rows) <= FEW:
        columns = [each for each in model._meta.concrete_fields if not each.primary_key]
        queryset._insert(rows, columns)  # one statement: no transaction, no signals
    else:
        queryset.bulk_create(rows)
    connection = connections[using]
    if connection.in_atomic_block or connection.get_autocommit():
        # A function of its own: Django wants a name to log.
        transaction.on_commit(lambda: ask(kind, target), using=using, robust=True)
    else:
        _sweep.watch()  # who commits by hand tells nobody


def ask(kind: str, label: str = "") -> None:
    """Kick whoever does that kind of work."""
    kick(TASKS_LANE if kind == TASK else WRITES_LANE, label=label)
