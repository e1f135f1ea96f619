"""What may wait, and the lanes of the kick that it is asked for by."""

from __future__ import annotations

from typing import Final

TASK: Final = "task"
WRITES: Final = ("update", "delete", "create", "sql")

TASKS_LANE: Final = "tasks"
WRITES_LANE: Final = "writes"
PAGES_LANE: Final = "hang_on"
