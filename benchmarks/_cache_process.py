"""Processes that do what they are told: a line of JSON in, a line of JSON out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from cache_site.setup import Place

SCRIPT = Path(__file__).with_name("cache.py")


class DiedError(Exception):
    """A child ended before it answered; the message is its last line."""


class Child:
    """A process of its own for one tool: what it patches, it patches there."""

    def __init__(self, kind: str, tool: str, place: Place) -> None:
        self.tool = tool
        self.process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "--child", kind, tool, json.dumps(asdict(place))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:  # a peer's readers wait for ever
            self.process.kill()
            self.process.wait()

    def tell(self, what: str, **given: Any) -> None:
        try:
            self.process.stdin.write(json.dumps([what, given]) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # why it went is read by `hear`

    def hear(self) -> Any:
        line = self.process.stdout.readline()
        if not line:
            trace = self.process.stderr.read()
            raise DiedError(f"{self.tool}: {(trace.strip().splitlines() or ['no word'])[-1][:100]}")
        return json.loads(line)

    def ask(self, what: str, **given: Any) -> Any:
        self.tell(what, **given)
        return self.hear()


def serve(handlers: Mapping[str, Callable[..., Any]]) -> None:
    """In the child, until the parent closes its end."""
    for line in sys.stdin:
        what, given = json.loads(line)
        print(json.dumps(handlers[what](**given)), flush=True)
