"""A page asked with some files changed: in a process of its own, nothing of ours is touched.

The changed files lie in a temporary folder; the other process imports and renders those in place of
the project's, which it otherwise shares. So paths, settings and everything else are the same.
"""

from __future__ import annotations

import base64
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from django.conf import ENVIRONMENT_VARIABLE, settings
from django.db import connections

SECONDS: Final = 120
LARGEST: Final = 1 << 30  # bytes of a SQLite file that are copied


class UntriedError(Exception):
    """It could not be tried out; the message says why."""


def ask(url: str, user: str | None, files: dict[str, str]) -> dict[str, Any]:
    """What ``_proof.Seen`` holds, of the page with these files' new texts."""
    with TemporaryDirectory(prefix="unhurried-proof-") as folder, _databases(folder) as databases:
        given = {
            "url": url,
            "user": user,
            "path": _path(),
            "databases": databases,
            "files": files,
            "folder": folder,
        }
        answer = _run(given, Path(folder, "answer.json"))
    if "error" in answer:
        raise UntriedError(f"the edited page could not be asked: {answer['error']}")
    answer["body"] = base64.b64decode(answer["body"])
    return answer


def _run(given: dict[str, Any], answer: Path) -> dict[str, Any]:
    if not os.environ.get(ENVIRONMENT_VARIABLE):
        raise UntriedError("another process would not find the settings: they are in no module")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, _path()))}
    argv = [sys.executable, "-m", "unhurried.queries._prove._edited"]
    try:
        done = subprocess.run(
            argv,
            input=json.dumps({**given, "answer": str(answer)}),
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UntriedError(f"the edited page took longer than {SECONDS} seconds") from None
    if not answer.exists():
        last = (done.stderr.strip().splitlines() or [f"it ended with {done.returncode}"])[-1]
        raise UntriedError(f"the edited page could not be asked: {last[:200]}")
    return json.loads(answer.read_text())  # type: ignore[no-any-return]


def _path() -> list[str]:
    """Without what a settings file may have put there, and Python leaves out: a ``Path``."""
    return [each for each in sys.path if isinstance(each, str)]


@contextmanager
def _databases(folder: str) -> Iterator[dict[str, str]]:
    """alias -> the name the other process is to use: of SQLite a copy, else the very same."""
    names = {}
    for alias in settings.DATABASES:
        connection = connections[alias]
        if connection.vendor == "sqlite":
            names[alias] = _copied(connection, folder)
        elif connection.in_atomic_block:
            raise UntriedError("the rows are in a transaction that no other process sees")
        else:
            names[alias] = connection.settings_dict["NAME"]
    yield names


def _copied(connection: Any, folder: str) -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.is_in_memory_db():
        raise UntriedError(
            "the database is in this process's memory, where no other process sees it"
        )
    if os.path.exists(name) and os.path.getsize(name) > LARGEST:
        raise UntriedError(f"the database is larger than {LARGEST >> 20} MB and is not copied")
    copy = os.path.join(folder, f"{connection.alias}.sqlite3")
    with closing(sqlite3.connect(name)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    return copy
