"""What is cached in this process, by name: for invalidating, refreshing and explaining it."""

from __future__ import annotations

import logging
from typing import Any

logger = logging.getLogger("unhurried")

#: name -> CachedFunction or cached page.
known: dict[str, Any] = {}


#: Answers ``.why(…)`` of what is cached; set by ``_why``, which knows of all of it.
answers: list[Any] = []


def register(name: str, thing: Any) -> None:
    known[name] = thing
