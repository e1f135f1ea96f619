"""gunicorn's configuration for the demo: small, quiet, and dead as soon as the demo is."""

import ctypes
import os
import signal
import sys

bind = [f"fd://{os.environ['PINSTA_SOCKET']}"]
wsgi_app = "pinstafacegramiqus.wsgi"
worker_class = "gthread"
workers = 2
threads = 4
timeout = 60
graceful_timeout = 2
control_socket_disable = True

PR_SET_PDEATHSIG = 1


def on_starting(server):
    """In the arbiter: end when the demo ends, however it ends."""
    _die_with_parent(int(os.environ["PINSTA_DEMO"]), signal.SIGTERM)


def post_fork(server, worker):
    """In a worker: end when the arbiter ends, also if it was killed."""
    _die_with_parent(worker.ppid, signal.SIGKILL)


def _die_with_parent(parent, number):
    if not sys.platform.startswith("linux"):
        return  # elsewhere only `kill -9` of the demo leaves gunicorn behind
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:  # it ended before it could be asked to tell us
        sys.exit(1)
