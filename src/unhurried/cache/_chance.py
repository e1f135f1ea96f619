"""Chance of our own: who has seeded ``random`` sees his numbers, whether a page was kept or not."""

from __future__ import annotations

import os
from random import Random
from typing import Final

chance: Final = Random()
if hasattr(os, "register_at_fork"):  # or all children would be early at once
    os.register_at_fork(after_in_child=chance.seed)
