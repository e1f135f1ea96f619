"""The first requests of a process come all at once, and each thread wants redis-py."""

from __future__ import annotations

import subprocess
import sys
import textwrap

#: While one thread is half way through ``import redis``, as Django's own back end does it, another
#: asks for our library; the first goes on when the second waits for it, or is done.
RACE = """
    import importlib._bootstrap, sys, threading, time
    from importlib.machinery import PathFinder
    from unhurried.cache._servers._redis import library

    found = []
    second = threading.Thread(target=lambda: found.append(library().retry.Retry))

    def halfway():
        second.start()
        until = time.monotonic() + 20
        while second.is_alive() and second.ident not in importlib._bootstrap._blocking_on:
            assert time.monotonic() < until, "it neither waits nor ends"
            time.sleep(0.001)

    class Finder:
        @staticmethod
        def find_spec(name, path=None, target=None):
            spec = PathFinder.find_spec(name, path)
            if name == "redis.asyncio" and second.ident is None:
                loads = spec.loader.exec_module
                spec.loader.exec_module = lambda module: (halfway(), loads(module))
            return spec

    sys.meta_path.insert(0, Finder)
    import redis
    second.join()
    assert found, "the second thread has failed"
"""


def test_two_threads_may_import_it_at_once() -> None:
    code = textwrap.dedent(RACE)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
