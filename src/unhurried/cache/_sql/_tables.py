"""What a statement touches, as far as its text tells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: Among tables: all there are.
EVERYTHING: Final = "*"


@dataclass(frozen=True, slots=True)
class Tables:
    """Exact or a superset; where not even that can be said, ``reads_all`` and ``writes_all``.

    ``control``: "begin" "commit" "rollback" "savepoint" "prepare" "set_isolation" "set" or nothing.
    ``calls``: functions that are no syntax; the catalogue knows what they may do.
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    reads_all: bool = False
    writes_all: bool = False
    control: str = ""
    #: What went before may be committed by it.
    ends_commit: bool = False
    #: Why nothing that runs under it can be shared: "SET ROLE", "set_config()", …
    unstorable: str = ""
    #: What changes without a write: "now()", "random()", …
    timed: str = ""
    #: The catalogue has to be read again.
    ddl: bool = False
    #: It keeps a snapshot open.
    snapshot: bool = False
    calls: frozenset[str] = frozenset()


BLIND: Final = Tables(reads_all=True, writes_all=True, ddl=True, ends_commit=True)
