"""``kill -9`` of processes that count: never more than was sent, never less than was promised.

Each of the killed has counted by two threads and been killed at a step of its third flush, or at
any moment. What it is about to send it writes into shared memory *before* ``add``, and *after* it
what it has sent less its ``lost_at_most``: so the one is never less than what may be in the
database, and the other never more than what must be. ``KILLS=1000`` kills that many of each kind.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.services.tally_cells import DATABASES, database_port, settings_file, site

KILLS = int(os.environ.get("KILLS", 20))
WORKERS = 4


@pytest.mark.parametrize("database", DATABASES)
def test_who_is_killed_loses_what_it_has_declared(
    database: str, tmp_path: Path, request: pytest.FixtureRequest, say: Callable[[str], None]
) -> None:
    port = database_port(database, tmp_path, request)
    with site(settings_file(database, tmp_path, port)) as counting:
        counting.ask("prepare")
        sent = kept = lost = most = 0
        before = counting.ask("stored")
        for first in range(0, KILLS, WORKERS):
            boards = counting.ask("kill_round", first)
            after = counting.ask("stored")
            for name in ("views", "likes"):
                applied = after[name] - before[name]
                between(boards, name, applied)
                sent += sum(board[f"{name}.sent"] for board in boards)
                kept += sum(board[f"{name}.kept"] for board in boards)
                lost += sum(board[f"{name}.sent"] for board in boards) - applied
            for i, board in enumerate(boards):  # each worker's own page
                between([board], "views", after["each"][i] - before["each"][i])
            most = max(most, *(board["most"] for board in boards))
            before = after
    assert kept > 0, "nothing was ever flushed"
    assert lost > 0, "nobody was killed with something in hand"
    say(f"{KILLS} killed: sent {sent}, lost {lost} of {sent - kept}; at once at most {most}")


def between(boards: list[dict[str, int]], name: str, applied: int) -> None:
    sent = sum(board[f"{name}.sent"] for board in boards)
    kept = sum(board[f"{name}.kept"] for board in boards)
    assert kept <= applied <= sent, (name, boards)


@pytest.mark.parametrize("database", DATABASES)
def test_who_ends_in_order_loses_nothing(
    database: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    port = database_port(database, tmp_path, request)
    with site(settings_file(database, tmp_path, port)) as counting:
        counting.ask("prepare")
        boards = counting.ask("end_round")
        after = counting.ask("stored")
    for name in ("views", "likes"):
        assert after[name] == sum(board[f"{name}.sent"] for board in boards) > 0
    assert after["each"] == [board["views.sent"] for board in boards]
    assert after["marks"] == 0
