"""The live view in a terminal, and its one-shot forms."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from unhurried.dashboard import _top_text
from unhurried.dashboard._top import compared
from unhurried.measure import StoreError, measured
from unhurried.measure.reading import current

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
PROGRAM = """
import os, sys, django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["unhurried"], ROOT_URLCONF="none", UNHURRIED={"STORE": os.environ["STORE"]}
)
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "unhurried", *sys.argv[1:]])
"""


def top(*arguments):
    out = StringIO()
    call_command("unhurried", "top", "--interval", "0.05", *arguments, stdout=out)
    return out.getvalue()


def program(store, *arguments):
    environment = {**os.environ, "STORE": str(store), "TERM": "xterm"}
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    return [sys.executable, "-c", PROGRAM, *arguments], environment


@pytest.fixture
def filled(staff):
    for _ in range(3):
        staff.get("/with_queries/")
    staff.get("/")
    with measured("\x1b[2Jnightly \u5168\u90e8 import"):
        pass


@pytest.mark.parametrize("columns", [40, 56, 80, 100, 130, 300])
def test_once_fits_any_width(filled, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = top("--once").splitlines()
    assert all(len(line) <= columns for line in lines)
    feed = next(line for line in lines if line.startswith("/with_queri"))
    assert re.search(r" +0 .* (ms|µs) .* 3\b", feed)
    assert "1 worker, this host only" in lines[0].replace("\u00a0", " ")
    assert not any("\x1b" in line for line in lines)


def test_a_name_cannot_move_the_cursor(filled):
    assert "\x1b" not in top("--once")
    assert "?[2Jnightly" in top("--once")


def test_wide_characters_take_two_cells():
    assert _top_text.fit("\u5168\u90e8", 6) == "\u5168\u90e8  "
    assert _top_text.fit("\u5168\u90e8\u5168", 5) == "\u5168\u90e8~"
    assert _top_text.fit("abcdef", 4) == "abc~"


def test_rates_are_of_the_time_between():
    def site(requests, store="a"):
        numbers = {"kind": "request", "requests": requests, "errors": requests // 10}
        return type(
            "S",
            (),
            {"numbers": {"routes": {"x/": numbers}}, "hosts": 1, "workers": 2, "cost": 0.01},
        )

    found = compared(site(10), site(30), 2.0)["rates"]
    assert found == {
        "requests": 10.0,
        "errors": 1.0,
        "routes": {"x/": {"requests": 10.0, "errors": 1.0}},
    }
    assert compared(site(30), site(10), 2.0)["rates"]["requests"] == 0


def test_json_is_one_document(filled):
    found = json.loads(top("--json"))
    assert found["routes"]["with_queries/"]["queries"]["max"] == 3
    assert found["rates"]["routes"]["with_queries/"] == {"requests": 0.0, "errors": 0.0}
    assert {"counters", "timers", "hosts", "workers", "cost", "store", "at", "interval"} <= set(
        found
    )


def test_nothing_yet_says_what_to_do(store):
    assert "Nothing measured yet. Open any page." in top("--once")
    assert "the user the site runs as" in " ".join(top("--once").split())
    assert json.loads(top("--json"))["routes"] == {}
    assert not store.exists(), "looking makes no store"


def test_looking_is_no_unit_of_work(filled):
    before = json.loads(top("--json"))["routes"]
    assert "command:unhurried" not in before
    assert current.get() is None


def test_a_store_of_somebody_else(monkeypatch, store):
    def fail(**kwargs):
        raise StoreError("/run/x belongs to user 7.", "Name a folder of your own.")

    monkeypatch.setattr("unhurried.dashboard._numbers.snapshot", fail)
    for form in ("--once", "--json"):
        with pytest.raises(CommandError, match=r"belongs to user 7.\nName a folder"):
            top(form)


def test_an_unknown_verb_is_told_which_there_are():
    with pytest.raises(CommandError, match="top"):
        call_command("unhurried", "tpo")


@pytest.mark.parametrize("interval", ["0", "x", "nan", "1e9"])
def test_a_wrong_interval_says_so(interval):
    with pytest.raises(CommandError, match="seconds"):
        call_command("unhurried", "top", "--once", "--interval", interval)


def test_without_a_terminal_it_prints_once(filled, store):
    command, environment = program(store, "top", "--interval", "0.05")
    done = subprocess.run(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "/with_queries/" in done.stdout
    assert "\x1b" not in done.stdout


class Terminal:
    """The program on a terminal of its own."""

    def __init__(self, store, columns=100, **environment):
        self.here, there = pty.openpty()
        self.there = os.dup(there)
        self.resize(columns)
        self.before = termios.tcgetattr(self.there)
        command, shared = program(store, "top", "--interval", "0.1")
        shared.pop("COLUMNS", None)
        self.process = subprocess.Popen(
            command, env={**shared, **environment}, stdin=there, stdout=there, stderr=there,
            start_new_session=True,
        )  # fmt: skip
        os.close(there)
        self.text = ""

    def resize(self, columns, rows=20):
        fcntl.ioctl(self.there, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def until(self, wanted, seconds=15.0):
        end, seen = time.monotonic() + seconds, len(self.text)
        told = select.poll()  # select() takes no descriptor from 1024 on
        told.register(self.here, select.POLLIN)
        while time.monotonic() < end:
            if re.search(wanted, self.text[seen:]):
                return self.text[seen:]
            if told.poll(100):
                self.text += os.read(self.here, 65536).decode()
        raise AssertionError(f"{wanted!r} not seen in {self.text[-2000:]!r}")

    def press(self, key):
        os.write(self.here, key.encode())

    def leaves(self):
        """It has ended, with the terminal as it was."""
        self.until(re.escape("\x1b[?1049l"))
        self.process.wait(10)
        assert termios.tcgetattr(self.there) == self.before
        return self.process.returncode

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.here)
        os.close(self.there)


@pytest.fixture
def terminal(store):
    opened = []

    def open_one(**options):
        opened.append(Terminal(store, **options))
        return opened[-1]

    yield open_one
    for one in opened:
        one.close()


@pytest.mark.long
class TestLive:
    def test_q_leaves(self, filled, terminal):
        live = terminal()
        text = live.until("/with_queries/.*req/s|req/s(.|\n)*/with_queries/")
        assert text.startswith("\x1b[?1049h")
        live.press("q")
        assert live.leaves() == 0

    def test_ctrl_c_leaves(self, filled, terminal):
        live = terminal()
        live.until("/with_queries/")
        live.process.send_signal(signal.SIGINT)
        assert live.leaves() == 0
        assert "Traceback" not in live.text

    def test_being_ended_leaves(self, filled, terminal):
        live = terminal()
        live.until("/with_queries/")
        live.process.terminate()
        assert live.leaves() == 128 + signal.SIGTERM

    def test_it_shows_what_comes(self, filled, terminal, staff):
        live = terminal()
        live.until("/with_queries/")
        staff.get("/book/3/")
        live.until("/book/<int:pk>/")
        live.press("q")
        live.leaves()

    def test_it_follows_the_size(self, filled, terminal):
        live = terminal(columns=120)
        live.until("where the time goes")
        live.resize(40)
        live.until(r"route +req/s +p95 +q50(\x1b\[0m)?\x1b\[K")
        live.press("q")
        live.leaves()

    @pytest.mark.parametrize(("environment", "colour"), [({"NO_COLOR": "1"}, False), ({}, True)])
    def test_colour_may_be_off(self, filled, terminal, environment, colour):
        live = terminal(columns=120, **environment)
        text = live.until("templates")
        assert ("\x1b[30;44mv" in text) is colour
        live.press("q")
        live.leaves()

    def test_nothing_yet(self, terminal):
        live = terminal()
        live.until("Nothing measured yet. Open any page.")
        live.press("\x1b")
        live.leaves()
