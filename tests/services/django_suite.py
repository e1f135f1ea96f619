"""Runs suites out of Django's own tests, with us or without, and writes what became of each test.

    python -m tests.services.django_suite with|without REPORT.json TESTS_FOLDER SUITE…

``with`` is everything at once: the tap on all connections, a unit of work that is measured, origins
tracked in the whole process, and a block that counts, always open, a fresh one for each test and
the fixtures before it. What it found is asked of each block. Bugs raise: STRICT is on.
The settings are those of Django's tests for SQLite and this module's names in capitals.
"""

from __future__ import annotations

import os
import runpy
import sys
import tempfile
from pathlib import Path

if "SUITE_STORE" in os.environ:  # else ``main`` is yet to say where things are
    from test_sqlite import *  # noqa: F403 - of Django's tests

    TEST_RUNNER = "tests.services.django_runner.Runner"
    UNHURRIED = {"STORE": os.environ["SUITE_STORE"], "STRICT": True}


def main(mode: str, report: str, tests: str, *suites: str) -> None:
    sys.path.insert(0, tests)
    sys.argv = ["runtests.py", "--parallel", "1", "--noinput", *suites]
    with tempfile.TemporaryDirectory() as store:
        os.environ |= {"SUITE_STORE": store, "SUITE_REPORT": report}
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.services.django_suite"
        if mode == "with":
            from tests.services.django_runner import ours

            ours.install()
        runpy.run_path(str(Path(tests) / "runtests.py"), run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
