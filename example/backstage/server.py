"""gunicorn as a child: on a free loopback port, stopped whatever happens to the demo."""

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

from backstage.errors import DemoError

EXAMPLE = Path(__file__).resolve().parent.parent
START, STOP = 30, 5  # seconds


class Server:
    """``with Server(port, log) as server``: running inside, gone outside."""

    def __init__(self, port: int, log: Path) -> None:
        self.log = log
        self._socket = _listen(port)
        self.port = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        # The socket is handed over open, so that nobody can take the port in between.
        with self._socket, self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gunicorn", "-c", "backstage/gunicorn_conf.py"],
                cwd=EXAMPLE,
                env=os.environ
                | {"PINSTA_SOCKET": str(self._socket.fileno()), "PINSTA_DEMO": str(os.getpid())},
                pass_fds=[self._socket.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which then stops gunicorn
            )
        try:
            self._wait_until_it_answers()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop()

    def require(self) -> None:
        """Raise DemoError if gunicorn has ended."""
        if self.process.poll() is not None:
            raise DemoError(f"gunicorn ended. The end of {self.log}:\n{self._last_words()}")

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline:
            self.require()
            if _answers(self.port):
                return
            time.sleep(0.05)
        raise DemoError(f"gunicorn gave no good answer in {START} s. See {self.log}.")

    def _last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-12:])

    def _stop(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave it half stopped
        self.process.terminate()
        try:
            self.process.wait(STOP)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port), backlog=128)
    except OSError as error:
        raise DemoError(
            f"Port {port} cannot be had ({error.strerror}). "
            "Set PORT to another, or leave it out for any free one."
        ) from error


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=START)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
