"""What was found under a key, and what is to be done about it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final, Literal

from .._stores import Store
from ._entry import Entry
from ._note import Note
from ._policy import Policy

State = Literal["fresh", "stale", "changed", "missing"]
Act = Literal["serve", "refresh", "compute", "wait", "bypass"]
SERVED: Final = ("serve", "refresh")
#: No key has a line end in it: a page at ``/a+lease`` must not lie where the lease of ``/a`` does.
LEASE: Final = "\n+lease"
NOTE: Final = "\n+note"
#: True while something is made anew though it is there.
again: ContextVar[bool] = ContextVar("unhurried_again", default=False)


@dataclass(slots=True)
class Lookup:
    """What was found, and what the caller is to do.

    ``act``: "serve" the entry; "refresh": serve it and have it made anew in the background;
    "compute" and keep it (the lease is ours); "wait" for who computes; "bypass": compute, keep
    nothing. ``entry`` may be there for each of them: it is what stands in when computing fails.
    """

    policy: Policy
    key: str
    #: Names it can be invalidated by: the thing's, and its own.
    labels: tuple[str, ...]
    store: Store | None
    state: State = "missing"
    act: Act = "bypass"
    entry: Entry | None = None
    reason: str = ""
    holder: bytes = b""
    #: What became of the last computation, once it was asked for.
    note: Note | None = None

    @property
    def lease(self) -> str:
        return self.key + LEASE
