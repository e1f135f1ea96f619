"""Renewals that failed: remembered here and in a file of the host, and tried again until they work.

A commit whose tokens could not be renewed must not be forgotten with the process: the file outlives
it, and any other process of the host takes over. It does not outlive the power, nor does /run.
Until then nothing with these tags is served or stored by whoever knows of them.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from django.core.signals import setting_changed

from unhurried.conf import given
from unhurried.measure.reading import StoreError, folder, locked, prepare, say_once, swallow

from .._errors import CacheError, Unavailable
from .._servers._forks import leaves_after_fork
from ._home import Home, home_named

EVERY: Final = 1.0  # seconds, both between tries and between glances at the file
TIRED: Final = 10  # times as long as a vain try took, nobody tries again, up to EVERY
FULL: Final = 256 * 1024  # bytes of the file above which lines said twice are left out


class Spool:
    """What pends in this process, and what the file says pends on this host."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._trying = threading.Lock()
        self._own: dict[tuple[str, str], tuple[Home, int]] = {}  # (home, tag) -> which failure
        self._said: frozenset[str] = frozenset()  # tags in the file
        self._seen: tuple[int, ...] = ()  # its state when it was read
        self._all: frozenset[str] = frozenset()
        self._glance_at = self._try_at = 0.0
        self._thread: threading.Thread | None = None
        self._since = 0.0
        self.counts = {"failed": 0, "renewed": 0, "tries": 0, "seconds": 0.0}
        leaves_after_fork(self)

    def failed(self, home: Home, tags: Iterable[str]) -> None:
        """Remember that these could not be renewed; never raises."""
        names = list(tags)
        with self._lock:
            for tag in names:
                self.counts["failed"] += 1
                self._own[home.name, tag] = home, int(self.counts["failed"])
            self._publish()
        say_once(
            "Tokens could not be renewed at %s; what depends on them is not cached.", home.name
        )
        _append([_line(home.name, tag) for tag in names])
        self._begin()

    def pending(self) -> frozenset[str]:
        """The tags that nobody here may serve or store with."""
        if time.monotonic() >= self._glance_at:
            self._glance()
        return self._all

    def retry(self) -> None:
        """Try once more what pends, unless somebody does or has just done so in vain."""
        if time.monotonic() < self._try_at or not self._trying.acquire(blocking=False):
            return
        began = time.monotonic()
        try:
            if not self._try():
                took = time.monotonic() - began
                self._try_at = time.monotonic() + min(EVERY, TIRED * took)
        finally:
            self._trying.release()
        if self._all:
            self._begin()

    def _try(self) -> bool:
        """Whether all was renewed."""
        self.counts["tries"] += 1
        with self._lock:
            own = dict(self._own)
        content = _content()
        said = dict.fromkeys(_parsed(content))
        homes = {name: home for (name, _), (home, _) in own.items()}
        done: set[tuple[str, str]] = set()
        for name in {name for name, _ in (*own, *said)}:
            tags = {tag for each, tag in (*own, *said) if each == name}
            home = homes.get(name) or _home(name)
            if home is not None and _renewed(home, sorted(tags)):
                done |= {(name, tag) for tag in tags}
        self._settle(own, done)
        _forget(content, done)
        self._glance()
        return not self._all

    def _settle(
        self, own: dict[tuple[str, str], tuple[Home, int]], done: set[tuple[str, str]]
    ) -> None:
        """What has failed once more in the meantime is of a later commit, and still pends."""
        with self._lock:
            for key, failure in own.items():
                if key in done and self._own.get(key) == failure:
                    del self._own[key]
                    self.counts["renewed"] += 1
            self._publish()

    def _glance(self) -> None:
        """Look whether another process has left something in the file."""
        self._glance_at = time.monotonic() + EVERY
        seen = _state()
        if seen == self._seen:
            return
        said = frozenset(tag for name, tag in _parsed(_content()) if _home(name) is not None)
        with self._lock:
            self._seen, self._said = seen, said
            self._publish()
        if said:
            self._begin()

    def _publish(self) -> None:
        before = self._all
        self._all = self._said | {tag for _, tag in self._own}
        if self._all and not before:
            self._since = time.monotonic()
        elif before and not self._all:
            self.counts["seconds"] += time.monotonic() - self._since

    def _begin(self) -> None:
        """A thread that tries until nothing pends; none can be had: the pages try."""
        with self._lock, suppress(RuntimeError):
            if self._thread is None:
                thread = threading.Thread(target=self._work, name="unhurried-renewals", daemon=True)
                thread.start()
                self._thread = thread

    def _work(self) -> None:
        while True:
            time.sleep(EVERY)
            try:
                self.retry()
            except Exception as error:  # boundary: this thread is the last to give up
                swallow("renewals", error)
            with self._lock:
                if not self.pending():
                    self._thread = None
                    return

    def after_fork(self) -> None:
        """A child remembers as well, and tries itself."""
        self._lock, self._trying, self._thread = threading.RLock(), threading.Lock(), None


def _renewed(home: Home, tags: list[str]) -> bool:
    try:
        home.renew(tags, float(given().get("DEADLINE", 10)))
    except Unavailable:
        return False
    return True


def _home(name: str) -> Home | None:
    """None: of settings that are not ours (any more); whoever has them sees to it."""
    try:
        return home_named(name)
    except (CacheError, Unavailable):
        return None


def _line(home: str, tag: str) -> bytes:
    return json.dumps([home, tag]).encode() + b"\n"


def _parsed(content: bytes) -> list[tuple[str, str]]:
    """(home, tag) by line; what is damaged or cut off is nothing."""
    found = []
    for line in content.splitlines():
        with suppress(ValueError, TypeError):
            home, tag = json.loads(line)
            found.append((str(home), str(tag)))
    return found


def _path() -> Path:
    return prepare(folder()) / "renewals"


def _state() -> tuple[int, ...]:
    try:
        found = _path().stat()
    except (OSError, StoreError):
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns


def _content() -> bytes:
    try:
        return _path().read_bytes()
    except (OSError, StoreError):
        return b""


def _append(lines: list[bytes]) -> None:
    """Full or read-only: then the process alone remembers."""
    try:
        path = _path()
        with locked(path.parent):
            if path.exists() and path.stat().st_size > FULL:
                _write(path, list(dict.fromkeys(path.read_bytes().splitlines(keepends=True))))
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "ab") as file:
                file.writelines(lines)
    except (OSError, StoreError) as error:
        say_once("Failed renewals are remembered in this process alone: %s", error)


def _forget(content: bytes, done: set[tuple[str, str]]) -> None:
    """Take out what was renewed of what had been read; what came after is of later commits."""
    if not content or not done:
        return
    try:
        path = _path()
        with locked(path.parent):
            now = path.read_bytes()
            if now.startswith(content):
                kept = [line for line in content.splitlines(keepends=True) if not _is(line, done)]
                _write(path, [*kept, now[len(content) :]])
    except (OSError, StoreError) as error:
        say_once("What was renewed can't be taken from the list: %s", error)


def _is(line: bytes, done: set[tuple[str, str]]) -> bool:
    return all(each in done for each in _parsed(line))


def _write(path: Path, lines: list[bytes]) -> None:
    whole = b"".join(lines)
    if not whole:
        return path.unlink()
    temporary = path.with_name(f"{path.name}.new")
    with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(whole)
    os.replace(temporary, path)


_spool = Spool()
failed = _spool.failed
pending = _spool.pending
retry = _spool.retry


def figures() -> dict[str, float]:
    """Of this process: failed and late renewals, tries, seconds in which something pended."""
    pends = len(pending())
    since = time.monotonic() - _spool._since if pends else 0.0
    return {**_spool.counts, "seconds": _spool.counts["seconds"] + since, "pending": pends}


def _setting_changed(*, setting: str, **kwargs: object) -> None:
    if setting == "UNHURRIED":  # another file
        _spool._glance_at, _spool._seen = 0.0, (-1,)


setting_changed.connect(_setting_changed, dispatch_uid="unhurried.cache.spool")
