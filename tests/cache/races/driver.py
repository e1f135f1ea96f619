"""The test's side: sites as processes, asked by lines of JSON."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from .cells import Cell, settings

ROOT = Path(__file__).parents[3]


class Site:
    """A process that plays scenarios of one cell."""

    def __init__(self, path: Path, log: Path, module: str = "tests.cache.races.site") -> None:
        self.log = log
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        with log.open("ab") as stderr:
            self.process = subprocess.Popen(
                [sys.executable, "-W", "error", "-m", module, str(path)],
                cwd=ROOT,
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(paths),
                    "ROWS_SETTINGS": str(path),
                },
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                bufsize=1,
            )

    def ask(self, what: str, *args: Any, answer: Callable[..., Any] | None = None) -> Any:
        """What the site says to it; meanwhile ``answer`` answers what the site asks."""
        self._say([what, *args])
        while line := self.process.stdout.readline():
            kind, *rest = json.loads(line)
            if kind == "asks" and answer:
                self._say(answer(*rest))
            elif kind == "done":
                return rest[0]
            else:
                pytest.fail(f"{what} {args}:\n{rest[0]}", pytrace=False)
        pytest.fail(f"{what} {args}: the site is gone.\n{self.log.read_text()[-6000:]}", False)

    def _say(self, words: Any) -> None:
        self.process.stdin.write(json.dumps(words) + "\n")

    def end(self) -> None:
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


class Sites:
    """Those of one cell, begun when first asked for: ``[0]`` plays, ``[1]`` is another process."""

    def __init__(self, cell: Cell, folder: Path, ports: dict[str, int], **unhurried: Any) -> None:
        self.folder, self.begun = folder, []
        self.path = folder / "settings.json"
        self.path.write_text(json.dumps(settings(cell, folder, ports, **unhurried)))
        self[0].ask("prepare")

    def __getitem__(self, index: int) -> Site:
        while len(self.begun) <= index:
            self.begun.append(Site(self.path, self.folder / f"{len(self.begun)}.log"))
        return self.begun[index]

    def play(self, name: str, answer: Callable[..., Any] | None = None) -> Any:
        """One scenario; what it asks that we don't know is asked of ``answer``."""
        return self[0].ask("play", name, answer=lambda *words: self._answer(answer, *words))

    def _answer(self, answer: Callable[..., Any] | None, what: str, *args: Any) -> Any:
        if what == "elsewhere":
            return self[1].ask(*args)
        return answer(what, *args)

    def end(self) -> None:
        for site in self.begun:
            site.end()
