"""What may wait, and the lanes of the kick that it is asked for by."""

from __future__ import annotations

from typing import Final

TASK: Final = "task"
WRITES: Final = ("update", "delete", "create", "sql")

TASKS_LANE: Final = "tasks"
WRITES_LANE: Final = "writes"
HANG_ON_LANE: Final = "hang_on"
OPEN: Final = ("waiting", "running")  # states of a page that somebody may be waiting for
