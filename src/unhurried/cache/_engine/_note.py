"""What became of the last computation where it left nothing: kept for a while beside the entry.

After a failure the old entry is served before the next attempt. And where nothing was kept, nobody
waits for who computes now: that may well leave nothing again. (Varnish calls it hit-for-miss.)
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from time import time
from typing import Final

LONGEST: Final = 60.0
#: Seconds for which a refusal is remembered.
PASS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Note:
    """``until``: Unix seconds before which nobody should try again; ``tries`` have failed."""

    until: float = 0.0
    tries: int = 0
    reason: str = ""

    def __bool__(self) -> bool:
        return bool(self.tries or self.reason)

    @property
    def backing_off(self) -> bool:
        return time() < self.until


NOTHING: Final = Note()


def failed(before: Note) -> tuple[bytes, float]:
    """What to keep after one more failure, and for how many seconds; it rests 1, 2, 4 … 60."""
    tries = before.tries + 1
    rest = pause(tries)
    return _encoded(Note(time() + rest, tries, "it failed a moment ago")), rest * 2 + 1


def pause(tries: int) -> float:
    """Seconds before the next attempt, after so many that failed."""
    return min(2.0 ** (tries - 1), LONGEST)


def refused(reason: str) -> tuple[bytes, float]:
    """What to keep where the result may not be kept."""
    return _encoded(Note(reason=reason)), PASS


def _encoded(note: Note) -> bytes:
    return json.dumps([note.until, note.tries, note.reason]).encode()


def parse(data: bytes | None) -> Note:
    """Nothing for what is none of ours."""
    if data is None:
        return NOTHING
    try:
        until, tries, reason = json.loads(data)
        return Note(float(until), int(tries), str(reason))
    except (ValueError, TypeError):
        return NOTHING
