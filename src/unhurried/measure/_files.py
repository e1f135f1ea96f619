"""Small JSON files beside the store's numbers: written whole or not at all, ours alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

MOST: Final = 4 << 20  # bytes; nothing we write is near that


def write(path: Path, document: Any, mark: str) -> None:
    """Replace the file at once, so that whoever reads sees the old one or the new one.

    ``mark`` tells this process's beginnings from those of others. Raises OSError.
    """
    beginning = path.with_name(f".{path.name}.{mark}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        with open(os.open(beginning, flags, 0o600), "w", encoding="utf-8") as file:
            json.dump(document, file, separators=(",", ":"))
        beginning.replace(path)
    except OSError:
        beginning.unlink(missing_ok=True)
        raise


def read(path: Path) -> Any:
    """What is in it; None where there is no file. Raises OSError, or ValueError for no JSON."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    with open(fd, "rb") as file:
        content = file.read(MOST + 1)
    if len(content) > MOST:
        raise ValueError("it is too long")
    return json.loads(content)
