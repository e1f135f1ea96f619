"""What real servers' processes say of themselves, and whom their requests are counted for."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests import servers
from tests.services.edges import die_with_us
from unhurried.measure._labels import client_hash
from unhurried.measure._processes import SERVERS
from unhurried.measure.reading import Window, window
from unhurried.testing import override

ROOT = Path(__file__).resolve().parents[2]
SITE = "tests.services.process_site"
GUNICORN = ["gunicorn", f"{SITE}:wsgi", "-w", "1", "-b", "127.0.0.1:{port}"]
RUNS = [
    ([*GUNICORN], "gunicorn sync", 1),
    ([*GUNICORN, "--preload"], "gunicorn sync", 1),
    ([*GUNICORN, "--threads", "5"], "gunicorn gthread", 5),
    ([*GUNICORN, "-k", "gthread", "--threads", "3", "--preload"], "gunicorn gthread", 3),
    (["uvicorn", f"{SITE}:asgi", "--port", "{port}"], "uvicorn", 0),
    (["granian", f"{SITE}:wsgi", "--interface", "wsgi", "--port", "{port}"], "granian", 0),
    (["granian", f"{SITE}:asgi", "--interface", "asgi", "--port", "{port}"], "granian", 0),
]
UWSGI = "import pyuwsgi; pyuwsgi.run()"
WSGI = ["--http-socket", "127.0.0.1:{port}", "--module", f"{SITE}:wsgi", "--need-app"]


def serve(argv: list[str], folder: Path) -> Window:
    """What a server says after a request with a forged header, as a proxy hands it on."""
    port = servers.free_port()
    argv = [sys.executable, *(word.format(port=port) for word in argv)]
    more = {"PROCESS_STORE": str(folder / "store"), "PYTHONPATH": f"{ROOT}/src{os.pathsep}{ROOT}"}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            argv, env=os.environ | more, cwd=ROOT, stdout=log, stderr=log, preexec_fn=die_with_us
        )
    try:
        ask(port, process, folder)
        with override(STORE=folder / "store"):
            return window()
    finally:
        process.terminate()
        try:
            process.wait(15)
        finally:
            process.kill()
            process.wait()


def ask(port: int, process: Any, folder: Path) -> None:
    headers = {"X-Forwarded-For": "198.51.100.9, 203.0.113.7"}
    request = urllib.request.Request(f"http://127.0.0.1:{port}/empty/", headers=headers)
    deadline = time.monotonic() + 30
    while True:
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                assert answer.read() == b"empty"
                return
        except OSError:
            assert process.poll() is None, (folder / "log").read_text()[-2000:]
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            time.sleep(0.1)


NAMES = ["sync", "sync, preloaded", "threads", "gthread, preloaded"]
NAMES += ["uvicorn", "granian", "granian, async"]


@pytest.mark.parametrize(("argv", "server", "threads"), RUNS, ids=NAMES)
def test_a_server(tmp_path: Path, argv: list[str], server: str, threads: int) -> None:
    judge(serve(["-m", *argv], tmp_path), tmp_path, server, threads)


@pytest.mark.parametrize(
    ("options", "threads"), [([], 1), (["--threads", "4"], 4)], ids=["one", "four"]
)
def test_uwsgi(tmp_path: Path, options: list[str], threads: int) -> None:
    found = serve(["-c", UWSGI, *WSGI, "--die-on-term", "--master", *options], tmp_path)
    judge(found, tmp_path, "uwsgi", threads)


def judge(found: Window, folder: Path, server: str, threads: int) -> None:
    assert [(SERVERS[each.server], each.threads) for each in found.processes] == [(server, threads)]
    with override(STORE=folder / "store"):
        assert [row.client for row in found.clients] == [client_hash("203.0.113.7")]
