"""What could not be done: laid aside with the reason, to be tried again or discarded."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any, Final

from django.db import transaction

from unhurried.measure import counter
from unhurried.measure.reading import say_once

from ._journal import ask
from ._tables import dead, removed, waiting

_SAME: Final = ("lane", "kind", "target", "body", "actor")
MOST: Final = 2000  # characters of a reason


def bury(alias: str, row: Any, attempts: int, reason: BaseException | str) -> None:
    """From what waits to what is dead, at once."""
    text = reason if isinstance(reason, str) else told(reason)
    with transaction.atomic(using=alias):
        if not removed(waiting(alias).filter(pk=row.pk, holder=row.holder)):
            return  # another has it
        dead(alias).create(
            created=row.created, attempts=attempts, reason=text[:MOST], **_copied(row)
        )
    counter("unhurried.later.dead").increment()
    say_once("unhurried could not do %s of lane %s; it is dead: %s", row, row.lane, text)


def told(error: BaseException) -> str:
    """What it was and where, in one line: no local variables, nor a database's further lines.

    PostgreSQL's have the row in them that it has refused.
    """
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    first = next(iter(str(error).splitlines()), "")
    text = f"{type(error).__name__}: {first}{where}".replace("\0", "\N{REPLACEMENT CHARACTER}")
    return text.encode("utf-8", "replace").decode()


def retry(alias: str, pk: int) -> bool:
    """Let it wait again, as if it were new; False if it is not there any more."""
    with transaction.atomic(using=alias):
        row = dead(alias).filter(pk=pk).first()
        if row is None or not removed(dead(alias).filter(pk=pk)):
            return False
        waiting(alias).create(created=row.created, **_copied(row))
        transaction.on_commit(lambda: ask(row.kind, row.target), using=alias, robust=True)
    return True


def discard(alias: str, pk: int) -> bool:
    """Forget it; False if it is not there any more."""
    return bool(removed(dead(alias).filter(pk=pk)))


def _copied(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _SAME}
