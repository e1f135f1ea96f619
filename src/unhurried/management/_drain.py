"""``manage.py unhurried drain``: a worker of what is to be done later."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM, signal
from typing import Any

from unhurried.later.reading import ending


def add(verbs: Any) -> None:
    verb = verbs.add_parser("drain", help="work off what is to be done later, until told to end")
    verb.add_argument("--once", action="store_true", help="end when what is due now is done")
    verb.add_argument("--lane", help='a task\'s lane, or a model ("inbox.Message"); default: all')
    verb.add_argument("--json", action="store_true", help="print one JSON document at the end")


@contextmanager
def until_told() -> Iterator[None]:
    """SIGTERM and Ctrl-C let what has begun come to its end."""
    before = {each: signal(each, lambda *_: ending.set()) for each in (SIGTERM, SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal(each, handler)
        ending.clear()
