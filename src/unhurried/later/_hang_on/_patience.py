"""A database that is busy for a moment is asked again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

from django.db import DatabaseError

from .._errors import is_transient
from .._outbox._tables import let_go

PAUSES: Final = (0.02, 0.05, 0.1, 0.2, 0.4)  # seconds

T = TypeVar("T")


def insist(function: Callable[[], T]) -> T:
    """Call it, again if the database was locked or had gone; it must bear to be called twice."""
    for pause in PAUSES:
        try:
            return function()
        except DatabaseError as error:
            if not is_transient(error):
                raise
        let_go()
        time.sleep(pause)
    return function()
