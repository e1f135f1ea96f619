"""The processes of ``later_site``: started, killed, asked for what they have done."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.services.rows import create_database

ROOT = Path(__file__).parents[2]


class Fleet:
    """The processes of one site; whoever is killed is started anew."""

    def __init__(self, environment: dict[str, str], folder: Path, stack: ExitStack) -> None:
        self.environment, self.folder, self._stack = environment, folder, stack
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._log = stack.enter_context((folder / "log").open("ab"))

    def run(self, *argv: str) -> str:
        return subprocess.run(
            [sys.executable, *argv],
            cwd=ROOT,
            env=self.environment,
            check=True,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            timeout=120,
        ).stdout

    def start(self, name: str, *argv: str) -> None:
        begun = subprocess.Popen(
            [sys.executable, *argv],
            cwd=ROOT,
            env=self.environment,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        self.processes[name] = begun
        self._stack.callback(_end, begun)

    def kill(self, name: str) -> None:
        """All of it, at once, and another in its place."""
        _end(self.processes[name])
        self._again(name)

    def revive(self, *names: str) -> None:
        """As a supervisor does: who has ended by himself is started anew.

        Celery's worker gives up where a child is killed that has not said yet that it is up.
        """
        for name in names:
            if self.processes[name].poll() is not None:
                self._again(name)

    def _again(self, name: str) -> None:
        argv: Any = self.processes[name].args
        self.start(name, *argv[1:])

    def kill_child(self, name: str) -> bool:
        """One that it has forked; who forked it sees to the next."""
        pid = self.processes[name].pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            os.kill(int(random.choice(children)), signal.SIGKILL)
        return bool(children)

    def log(self) -> str:
        return (self.folder / "log").read_text()[-3000:]


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def environment(
    folder: Path, database: dict[str, Any], later: str = "thread", **more: str
) -> dict[str, str]:
    return {
        **os.environ,
        "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}",
        "DJANGO_SETTINGS_MODULE": "tests.services.later_settings",
        "LATER_FOLDER": str(folder),
        "LATER_DATABASE": json.dumps(database),
        "LATER": later,
        **more,
    }


def sqlite(folder: Path, **options: Any) -> dict[str, Any]:
    name = str(folder / "db.sqlite3")
    return {"ENGINE": "django.db.backends.sqlite3", "NAME": name, "OPTIONS": options}


def postgres(server: Any, name: str) -> dict[str, Any]:
    create_database(server.port, name)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": server.port,
    }
