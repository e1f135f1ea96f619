"""A write is written down; or done at once, where whoever works would not find its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import transaction

from unhurried.measure.reading import say_once

from .._elsewhere import elsewhere
from .._outbox import journal
from ._apply import apply
from ._merge import merged


def write(
    kind: str,
    label: str,
    bodies: Sequence[dict[str, Any]],
    *,
    using: str,
    lane: str,
    actor: str = "",
) -> bool:
    """Let it be done after the commit; False if it has been done here, in this transaction."""
    if not elsewhere(using):
        journal(kind=kind, target=label, lane=lane, bodies=bodies, using=using, actor=actor)
        return True
    say_once(
        "Within a request's own schema or role what is deferred to %s is written at once.", label
    )
    with transaction.atomic(using=using, savepoint=False):
        apply(using, label, merged((kind, body) for body in bodies), wait=True)
    return False
