"""Starts the site of ``edge_site`` and puts a real edge before it."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import unhurried
from tests import servers

SHIPPED = Path(unhurried.__file__).parent / "cache" / "_edges"
PATH = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])
WAIT_SECONDS = 20


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    text: str = field(init=False)

    def __post_init__(self) -> None:
        self.text = self.body.decode("utf-8", "replace")


def get(port: int, path: str, method: str = "GET", **headers: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_SECONDS)
    try:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, headers=sent)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def wait_until(holds: Callable[[], Any], seconds: float = WAIT_SECONDS) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.005)
    return found


@dataclass
class Origin:
    port: int
    process: subprocess.Popen[bytes]

    def hits(self, name: str) -> int:
        return int(json.loads(get(self.port, "/hits/").text).get(name, 0))

    def tell(self, what: signal.Signals) -> None:
        """The master and its worker."""
        os.killpg(self.process.pid, what)

    def end(self) -> None:
        """At once, and its worker with it, which SIGKILL of the master would leave."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(10)


@contextlib.contextmanager
def origin(folder: Path, *purges: str, port: int = 0, site: str = "edge_site") -> Iterator[Origin]:
    """One worker, so that its hits are all hits."""
    port = port or servers.free_port()
    argv = [sys.executable, "-m", "gunicorn", f"tests.services.{site}:application"]
    argv += ["-b", f"127.0.0.1:{port}", "-w", "1", "--threads", "8", "--log-level", "error"]
    argv += ["--worker-tmp-dir", str(folder), "--graceful-timeout", "1"]
    more = {"EDGE_FOLDER": str(folder), "EDGE_PURGES": ",".join(purges), "PYTHONPATH": PATH}
    with (folder / "origin.log").open("ab") as log:
        process = subprocess.Popen(
            argv,
            env={**os.environ, **more},
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_us,
        )
    found = Origin(port, process)
    try:
        wait_until(lambda: answers(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "origin.log").read_text()[-3000:]
        yield found
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def die_with_us() -> None:
    """If the tests are killed, so is what they started."""
    servers.LIBC.prctl(servers.PR_SET_PDEATHSIG, signal.SIGTERM)


def answers(port: int) -> bool:
    try:
        return get(port, "/hits/").status == 200
    except OSError:
        return False


def vcl(origin_port: int) -> str:
    """The shipped one, with the origin's port."""
    text = (SHIPPED / "varnish.vcl").read_text()
    assert '.port = "8000";' in text
    return text.replace('.port = "8000";', f'.port = "{origin_port}";')


def nginx_conf(origin_port: int, port: int) -> str:
    text = (SHIPPED / "nginx.conf").read_text()
    for before, after in [
        ("127.0.0.1:8000;", f"127.0.0.1:{origin_port};"),
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("server_name example.com;", "server_name 127.0.0.1;"),
    ]:
        assert before in text
        text = text.replace(before, after)
    return text
