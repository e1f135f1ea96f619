"""Whether this process is about to end: what has begun is finished, and nothing more is begun."""

from __future__ import annotations

import os
import threading
from typing import Final

ending: Final = threading.Event()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=ending.clear)
