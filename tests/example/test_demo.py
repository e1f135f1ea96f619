"""``make demo`` ends well, and nothing outlives it, however it ends."""

import os
import re
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from .conftest import EXAMPLE

DEMO = EXAMPLE / "demo.py"
PATIENCE = 60  # seconds for anything that should take one or two
PAGES = [
    "feed/",
    "pin/<int:pk>/",
    "user/<username>/",
    "tag/<slug>/",
    "books/",
    "books/create/",
    "books/import/",
    "books/catalogue/",
    "books/api/",
    "books/inventory/",
    "pins/with/<key>/<value>/",
    "messages/",
    "messages/received/",
    "report/",
]


@contextmanager
def demo(example_python, environment, **wishes):
    process = subprocess.Popen(
        [*example_python, DEMO],
        env=environment | wishes,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # the suite may be nohup's
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def family(folder):
    """Ids of all processes that were started with ``folder`` as their data folder."""
    mark = f"PINSTA_DATA={folder}".encode()
    return {pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _has(pid, mark)}


def _has(pid, mark):
    try:
        return mark in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # it ended, or is somebody else's
        return False


def wait_for(condition, what):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


@pytest.mark.services
def test_once(example_python, example_environment):
    folder = example_environment["PINSTA_DATA"]
    wishes = {"ONCE": "1", "SECONDS_OF_TRAFFIC": "4"}
    with demo(example_python, example_environment, **wishes) as process:
        out, err = process.communicate(timeout=4 * PATIENCE)  # each page of /fast/ is opened
    assert (process.returncode, err) == (0, "")
    head, *rows = out[out.index("slow→fixed→fast") :].split("\n\n")[0].splitlines()
    assert {row.split()[0] for row in rows} == set(PAGES)
    assert head.split()[-2:] == ["queries", "faster"]  # there would be errors between them
    feed = next(row.split()[-6:] for row in rows if row.startswith("feed/"))
    assert feed[0] in ("101", "102")  # without a login, and with
    assert feed[2] in ("1", "2")
    assert feed[4] in ("0", "1", "2")
    for side in ("slow", "fixed", "fast"):
        assert re.search(rf"^/{side}/ .+ [\d.]+ +[\d.]+ m?s +[\d.]+ m?s", out, re.M)
    assert re.search(r"^/fast/ is counted once each of its \d{3} addresses", out, re.M)
    assert "What manage.py unhurried diagnose said of /slow/:" in out
    assert "101 -> 1 queries" in out
    assert re.search(r"^/slow/ → /fast/: [\d.]+ → \d+ requests a second, \d+ times", out, re.M)
    assert re.search(r"^http://127\.0\.0\.1:\d+/unhurried/$", out, re.M)
    assert re.search(r"^http://127\.0\.0\.1:\d+/login/\S+/$", out, re.M)
    assert f"PINSTA_DATA={folder} " in out
    assert "\x1b" not in out
    assert family(folder) == set()


@pytest.mark.services
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_outlives_it(example_python, example_environment, number):
    folder = example_environment["PINSTA_DATA"]
    with demo(example_python, example_environment, SECONDS_OF_TRAFFIC="600") as process:
        wait_for(lambda: len(family(folder)) >= 4, "demo, arbiter and two workers")
        process.send_signal(number)
        process.wait(PATIENCE)
        wait_for(lambda: not family(folder), f"{family(folder)} outlived the demo")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"SECONDS_OF_TRAFFIC": "soon"}, "a number from 0 to 3600; got 'soon'"),
        ({"PINSTA_DATA": "/dev/null/pinsta"}, "Set PINSTA_DATA to a folder you may write to."),
    ],
)
def test_bad_wishes_say_the_way_out(example_python, example_environment, wish, said):
    with demo(example_python, example_environment, **wish) as process:
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert err.startswith("demo: ")
    assert said in err
    assert "Traceback" not in err


@pytest.mark.services
def test_a_taken_port_says_the_way_out(example_python, example_environment):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with demo(example_python, example_environment, PORT=port) as process:
            _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "Set PORT to another" in err


@pytest.mark.services
def test_two_demos_do_not_share_a_folder(example_python, example_environment):
    folder = example_environment["PINSTA_DATA"]
    with demo(example_python, example_environment, SECONDS_OF_TRAFFIC="600") as first:
        wait_for(lambda: len(family(folder)) >= 4, "the first demo")
        with demo(example_python, example_environment) as second:
            _, err = second.communicate(timeout=PATIENCE)
        assert second.returncode == 1
        assert "Another demo is using" in err
        first.terminate()
        first.wait(PATIENCE)
    wait_for(lambda: not family(folder), "the first demo's processes")
