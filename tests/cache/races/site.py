"""A cell's process: ``python -m tests.cache.races.site settings.json``, then lines of JSON."""

from __future__ import annotations

import faulthandler
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

import django
from django.conf import settings

if __name__ == "__main__":
    settings.configure(**json.loads(Path(sys.argv[1]).read_text()))
    django.setup()

from django.core.management import call_command
from django.db import connection, connections

from . import contents, models, writes_postgres
from .plots import SCENARIOS
from .stage import PATIENCE, Stage
from .writes import WRITES

__all__ = ["writes_postgres"]  # for what it adds to WRITES

# What others print must not get between our lines.
out = os.fdopen(os.dup(1), "w") if __name__ == "__main__" else sys.stderr
if __name__ == "__main__":
    os.dup2(2, 1)


def say(*words: Any) -> None:
    out.write(json.dumps(words) + "\n")
    out.flush()


def asked(*words: Any) -> Any:
    """What the test answers."""
    say("asks", *words)
    return json.loads(sys.stdin.readline())


def create_tables(alias: str) -> None:
    call_command("migrate", "contenttypes", database=alias, verbosity=0)  # notes refer to it
    call_command("migrate", database=alias, run_syncdb=True, verbosity=0)
    with connections[alias].cursor() as cursor:
        for sql in models.statements(connection.vendor):
            cursor.execute(sql)
    call_command("createcachetable", database=alias, verbosity=0)


def prepare() -> None:
    for alias in ("default", "other"):
        create_tables(alias)
    listed = {name.partition(":")[0] for name in contents.ALL}
    assert listed == set(SCENARIOS), listed ^ set(SCENARIOS)
    assert set(contents.WRITES) == set(WRITES), set(contents.WRITES) ^ set(WRITES)


def play(name: str) -> Any:
    """One scenario, on a shelf just filled: ``late_store:update``."""
    what, *args = name.split(":")
    stage = Stage(connection.vendor, asked)
    models.fill()
    try:
        return SCENARIOS[what](stage, *args)
    finally:
        stage.end()
        connections.close_all()


def write(name: str) -> None:
    """For a scenario of another process."""
    WRITES[name].write()
    connections.close_all()


VERBS = {"prepare": prepare, "play": play, "write": write}


def main() -> None:
    for line in sys.stdin:
        verb, *args = json.loads(line)
        faulthandler.dump_traceback_later(3 * PATIENCE, exit=True)
        try:
            say("done", VERBS[verb](*args))
        except Exception:  # boundary: the test is told, the site lives on
            say("failed", traceback.format_exc())
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
