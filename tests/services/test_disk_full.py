"""A disk that is full, gets full, or is read-only: no SIGBUS, the site answers, one warning.

Each test mounts a small tmpfs of its own, for which it must be root (as in a container).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from unhurried.measure import _layout as L

pytestmark = pytest.mark.services
PATH = os.pathsep.join([os.getcwd(), os.environ.get("PYTHONPATH", "")])  # for tests.settings

# A site in a process of its own: a SIGBUS must not take pytest along, and shows as its exit code.
SITE = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
import django; django.setup()
from django.conf import settings
settings.UNHURRIED = {"STORE": sys.argv[1]}
from django.core.management import call_command
from django.test import Client
from unhurried.measure import _store, counter, histogram, snapshot, timer

def visit():
    for url in ("/count/", "/empty/", "/status/200/", "/stream/nowhere"):
        assert Client().get(url).status_code in (200, 404), url
    counter("outside").increment()
    histogram("outside").update(1)

def fill(path, leave=0):
    with open(path, "wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
        file.truncate(file.tell() - leave)

"""


@contextmanager
def mounted(folder: Path, *options: str) -> Iterator[Path]:
    folder.mkdir()
    mount("-t", "tmpfs", "-o", ",".join(["mode=0700", *options]), "tmpfs", str(folder))
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def mount(*options: str) -> None:
    done = subprocess.run(["mount", *options], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"mounting needs root (in a container: CAP_SYS_ADMIN): {done}"


def run(store: Path, code: str) -> str:
    """What the site logged; whatever it printed must be ``ok``."""
    done = subprocess.run(
        [sys.executable, "-c", SITE + code, store],
        env=os.environ | {"PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr
    return done.stderr


def check(store: Path) -> tuple[int, str]:
    code = 'settings.SILENCED_SYSTEM_CHECKS = []; call_command("check"); print("ok")'
    done = subprocess.run(
        [sys.executable, "-c", SITE + code, store],
        env=os.environ | {"PYTHONPATH": PATH},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr


def complains(store: Path, *words: str) -> None:
    code, said = check(store)
    assert code == 1
    assert "unhurried.E102" in said
    assert "HINT: Make room there or name another folder in UNHURRIED['STORE']." in said
    assert all(word in said for word in words)


def test_a_disk_with_no_room_at_all(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=64k") as store:
        said = run(store, 'for _ in range(3): visit()\nprint("ok")')
        assert len(said.splitlines()) == 1
        assert "Measuring is off" in said
        assert "No space left on device" in said
        complains(store, "No space left on device")


@pytest.mark.parametrize("kilobytes", [256, 320, 448, 640, 768, 832, 960, 1088])
def test_a_disk_with_too_little_room(tmp_path: Path, kilobytes: int) -> None:
    """Wherever it ends: in the middle of a slot, of a chunk, of history."""
    with mounted(tmp_path / "disk", f"size={kilobytes}k") as store:
        said = run(store, 'for _ in range(3): visit()\nprint("ok")')
        assert len([line for line in said.splitlines() if "Measuring is off" in line]) <= 1
        room = L.BASE_BYTES + sum(L.GROUPS[name].chunk_bytes for name in ("route", "histogram"))
        if kilobytes * 1024 < room:
            assert len(said.splitlines()) == 1
            complains(store, "No space left on device")


def test_a_disk_that_gets_full_while_measuring(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=4m") as store:
        said = run(
            store,
            """
visit()
fill(sys.argv[1] + "/ballast")
for n in range(20):
    visit()  # every page in use has its room: nothing new is needed
assert snapshot()["routes"]["empty/"]["requests"] == 21
assert _store.failure() is None
timer("new").update(1)  # a name, and a chunk
for n in range(3):
    visit()
assert _store.failure() is not None
os.unlink(sys.argv[1] + "/ballast")
_store._retry_at = 0.0  # half a minute later
visit()
timer("new").update(1)
found = snapshot()
assert found["routes"]["empty/"]["requests"] == 22
assert found["counters"] == {"orders": 22, "outside": 22}
assert found["timers"]["new"]["count"] == 1
print("ok")
""",
        )
        off = [line for line in said.splitlines() if "Measuring is off" in line]
        assert len(off) == 1
        assert len(said.splitlines()) <= 2  # before it, whatever file was the first to be refused


def test_a_name_that_fits_and_a_chunk_that_does_not(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=4m") as store:
        said = run(
            store,
            """
visit()
fill(sys.argv[1] + "/ballast", leave=64 * 1024)
for n in range(3):
    timer(f"new {n}").update(1)
    _store._retry_at = 0.0
    visit()
assert snapshot()["routes"]["empty/"]["requests"] == 4
print("ok")
""",
        )
        assert said.count("Measuring is off") == 1
        complains(store, "No space left on device")


def test_a_second_process_finds_no_room(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=4m") as store:
        said = run(
            store,
            """
visit()
fill(sys.argv[1] + "/ballast")
if os.fork() == 0:
    visit()  # it wants a slot of its own
    assert _store.failure() is not None
    os._exit(0)
pid, status = os.wait()
assert status == 0, status
visit()
assert snapshot()["counters"] == {"orders": 2, "outside": 2}
assert snapshot()["workers"] == 1
print("ok")
""",
        )
        assert said.count("Measuring is off") == 1
        complains(store, "No space left on device")


def test_a_read_only_disk(tmp_path: Path) -> None:
    with mounted(tmp_path / "disk", "size=4m") as store:
        run(store, 'visit(); print("ok")')
        mount("-o", "remount,ro", str(store))
        said = run(store, 'for _ in range(3): visit()\nprint("ok")')
        assert len(said.splitlines()) == 1
        assert "Read-only file system" in said
        complains(store, "Read-only file system")
        mount("-o", "remount,rw", str(store))
        code = 'visit(); assert snapshot()["counters"] == {"orders": 2, "outside": 2}; print("ok")'
        assert run(store, code) == ""


def test_a_disk_without_room_for_a_single_file(tmp_path: Path) -> None:
    """No inode is left."""
    with mounted(tmp_path / "disk", "size=4m", "nr_inodes=3") as store:
        said = run(store, 'for _ in range(3): visit()\nprint("ok")')
        assert said.count("Measuring is off") == 1
        complains(store, "No space left on device")
