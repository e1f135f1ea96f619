"""The rows of ``Work``: every change of state is a compare-and-set, every time the database's."""

from __future__ import annotations

import json
import secrets
from datetime import timedelta
from typing import Any, Final

from django.apps import apps
from django.db import router
from django.db.models import BooleanField, ExpressionWrapper, F, Q, QuerySet
from django.db.models.functions import Now

from .._errors import LaterError

LEASE: Final = 5.0  # seconds without a heartbeat after which a worker counts as dead
ATTEMPTS: Final = 3  # workers that may die of one work
POISON: Final = 10.0  # seconds for which a failure stands before anybody may try again
SWEPT: Final = 60.0  # seconds after which what has expired is deleted
SHOWN: Final = 50  # works that are told one by one
OPEN: Final = ("waiting", "running")


def works() -> QuerySet[Any]:
    """All rows, where they are written; LaterError if the app is not installed."""
    if not apps.is_installed("unhurried.later"):
        raise LaterError(
            "hang_on keeps its works in a table, and the app that has it is not installed.",
            'INSTALLED_APPS += ["unhurried.later"], and migrate.',
        )
    model = apps.get_model("unhurried_later", "Work")
    return model._default_manager.using(router.db_for_write(model))


def seen(key: str) -> Any | None:
    """The row of a work, without its body; ``fresh`` if its result or failure still stands."""
    fresh = ExpressionWrapper(Q(expires__gt=Now()), output_field=BooleanField())
    return works().filter(key=key).annotate(fresh=fresh).defer("body", "asked").first()


def is_over(row: Any | None) -> bool:
    return row is not None and row.state not in OPEN and bool(row.fresh)


def open_of(owner: str) -> int:
    return works().filter(owner=owner, state__in=OPEN).count()


def begin(key: str, asked: dict[str, Any], owner: str) -> None:
    """See to it that a work waits under that key: its row is made, or begins anew if expired."""
    values = {"asked": json.dumps(asked), "path": asked["path"], "owner": owner}
    sweep()
    model = works().model
    works().bulk_create([model(key=key, **values)], ignore_conflicts=True)
    works().filter(Q(expires__lte=Now()), key=key).exclude(state__in=OPEN).update(
        state="waiting", attempts=0, holder="", until=None, expires=None, created=Now(),
        done=0, total=None, message="", status=None, headers="", body=b"", incident="", **values,
    )  # fmt: skip


def claim() -> Any | None:
    """A work that nobody does, now ours: attempts are counted before, as the worker may be killed.

    What has cost ATTEMPTS workers their lives is a failure.
    """
    free = Q(state="waiting") | Q(state="running", until__lt=Now())
    for pk, attempts in works().filter(free).order_by("created").values_list("pk", "attempts")[:16]:
        row = works().filter(free, pk=pk, attempts=attempts)
        if attempts >= ATTEMPTS:
            row.update(**_failure(new_incident()))
            continue
        holder = secrets.token_hex(16)
        lease = Now() + timedelta(seconds=LEASE)
        if row.update(state="running", holder=holder, until=lease, attempts=F("attempts") + 1):
            return works().get(pk=pk)
    return None


def waits() -> int:
    return works().filter(Q(state="waiting") | Q(state="running", until__lt=Now())).count()


def running() -> list[dict[str, Any]]:
    """Those that are in the making: {path, state, done, total, message, seconds}, oldest first."""
    fields = ("path", "state", "done", "total", "message", "created")
    found = works().filter(state__in=OPEN).order_by("created").annotate(now=Now())
    return [
        {**row, "seconds": max((row.pop("now") - row.pop("created")).total_seconds(), 0.0)}
        for row in found.values(*fields, "now")[:SHOWN]
    ]


def _held(row: Any) -> QuerySet[Any]:
    return works().filter(pk=row.pk, holder=row.holder, state="running")


def beat(row: Any, **progress: Any) -> None:
    _held(row).update(until=Now() + timedelta(seconds=LEASE), **progress)


def finish(row: Any, status: int, headers: str, body: bytes, keep: float) -> None:
    _held(row).update(
        state="done", status=status, headers=headers, body=body,
        expires=Now() + timedelta(seconds=keep),
    )  # fmt: skip


def fail(row: Any, incident: str) -> None:
    _held(row).update(**_failure(incident))


def new_incident() -> str:
    return secrets.token_hex(6)


def _failure(incident: str) -> dict[str, Any]:
    expires = Now() + timedelta(seconds=POISON)
    return {"state": "failed", "incident": incident, "expires": expires}


def sweep() -> None:
    works().filter(expires__lt=Now() - timedelta(seconds=SWEPT)).delete()
