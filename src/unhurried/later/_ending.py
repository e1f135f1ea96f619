"""Whether this process is about to end: what has begun is finished, and nothing more is begun."""

from __future__ import annotations

import os
import sys
import threading
from typing import Final

ending: Final = threading.Event()


def is_cut_short() -> bool:
    """A job of RQ is under way: its process ends with it, by ``os._exit``, and waits for no thread.

    What one has begun would die with it, each time anew.
    """
    job = getattr(sys.modules.get("rq"), "get_current_job", None)
    return job is not None and job() is not None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ending.clear)
