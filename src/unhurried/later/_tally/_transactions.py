"""Transactions under way: where nothing may be flushed, and those of Django's tests."""

from __future__ import annotations

from typing import Any

from django.db import connections


def is_test(alias: str) -> bool:
    """Whether a TestCase is under way in this thread: no other one sees its rows, ever."""
    blocks: list[Any] = connections[alias].atomic_blocks
    return bool(blocks and blocks[0]._from_testcase)


def refuse(alias: str) -> None:
    """RuntimeError inside of a transaction: nobody could say whether a flush has happened.

    Directly within a TestCase, as ``atomic(durable=True)`` does, it may be: that never commits.
    """
    connection = connections[alias]
    if connection.get_autocommit():
        return
    blocks: list[Any] = connection.atomic_blocks
    if blocks and blocks[-1]._from_testcase:
        return
    why = "a transaction is open" if blocks else "autocommit is off"
    raise RuntimeError(
        f"flush() wants a transaction of its own on {alias!r}, but {why}. "
        "Call it afterwards: transaction.on_commit(tally.flush)."
    )
