"""Entries as files in the cache's folder, in a subfolder of our own: the names are hashes.

A file begins with when it expires; it gets its name whole, by rename. Whoever can write there can
write pages, so the folder is ours alone or is not used.
"""

from __future__ import annotations

import os
import random
import secrets
import stat
import struct
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from .._errors import Unavailable
from .._servers._kinds import options_of, prefix_and_version

if sys.platform == "win32":  # where nothing is locked, and a lease may be had twice
    fcntl = None
else:
    import fcntl

HEADER: Final = struct.Struct("<8sd")  # magic, unix time of its end
MAGIC: Final = b"UNHENT01"
FOLDERS: Final = 256  # into which entries are divided, and of which a sweep looks at one
SWEEP_EVERY: Final = 64  # sets, on average
STALE: Final = 60.0  # seconds after which a file without its name has been left by a dead process


class FileStore:
    """The store of a file-based alias."""

    def __init__(self, alias: str, max_entries: int) -> None:
        self.alias = alias
        self.folder = Path(options_of(alias).get("LOCATION", "")).absolute() / "unhurried"
        self._prefix, self._version = prefix_and_version(alias)
        self._most = max(1, max_entries // FOLDERS)

    def _path(self, key: str) -> Path:
        whole = f"{self._prefix}:{self._version}:{key}".encode("utf-8", "surrogatepass")
        name = blake2b(whole, digest_size=20).hexdigest()
        return self.folder / name[:2] / name[2:]

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Those of the keys that are there."""
        with _world():
            found = {key: _read(self._path(key)) for key in keys} if self._is_ours() else {}
        return {key: data for key, data in found.items() if data is not None}

    def get_with_tokens(self, keys: Sequence[str], tags: Sequence[str]) -> None:
        """No tokens lie here."""
        return None

    def set(self, key: str, data: bytes, ttl: float) -> None:
        """Keep the data under the key."""
        with _world():
            self._set(key, data, ttl)

    def set_if(self, key: str, data: bytes, ttl: float, lease: str, holder: bytes) -> bool:
        """Keep it only while ``lease`` holds ``holder``."""
        path = self._path(lease)
        with _world(), self._alone(path):
            return _read(path) == holder and self._set(key, data, ttl)

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing. A crowd that wants one lease need not queue for the lock: it
        leaves as soon as somebody has it.
        """
        path = self._path(key)
        with _world(), self._alone(path, unless=lambda: _read(path) is not None) as alone:
            return alone and _read(path) is None and self._set(key, data, ttl)

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it still holds ``holder``."""
        path = self._path(lease)
        with _world(), self._alone(path):
            if _read(path) == holder:
                _remove(path)

    def delete(self, key: str) -> None:
        """Forget the key."""
        with _world():
            if self._is_ours():
                _remove(self._path(key))

    def _set(self, key: str, data: bytes, ttl: float) -> bool:
        if ttl <= 0:
            return False
        path = self._path(key)
        self._prepare(path.parent)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(HEADER.pack(MAGIC, time.time() + ttl))
                file.write(data)
            os.replace(temporary, path)
        except OSError:
            _remove(temporary)
            raise
        if random.randrange(SWEEP_EVERY) == 0:
            self._sweep(path.parent)
        return True

    def _prepare(self, folder: Path) -> None:
        if not self._is_ours():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._is_ours()
        folder.mkdir(mode=0o700, exist_ok=True)

    def _is_ours(self) -> bool:
        """Whether it is there; Unavailable if others may write there."""
        try:
            found = self.folder.lstat()
        except FileNotFoundError:
            return False
        mine = stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid()
        if not mine or found.st_mode & 0o077:
            raise Unavailable(f"{self.folder} is not ours alone: remove it, or chmod 700.")
        return True

    def _sweep(self, folder: Path) -> None:
        """Remove what has expired from one folder, and the oldest where there are too many."""
        living = []
        now = time.time()
        for path in folder.iterdir():
            with suppress(FileNotFoundError):
                written = path.stat().st_mtime
                end = written + STALE if path.name.startswith(".") else _end(path)
                if end <= now:
                    _remove(path)
                else:
                    living.append((written, path))
        for _, path in sorted(living)[: max(0, len(living) - self._most)]:
            _remove(path)

    @contextmanager
    def _alone(self, path: Path, unless: Callable[[], bool] | None = None) -> Iterator[bool]:
        """For what asks first and then does; False if ``unless`` came true before our turn."""
        self._prepare(self.folder)
        lock = self.folder / f"lock-{path.parent.name}"
        fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            yield fcntl is None or _wait_for(fd, unless)
        finally:
            os.close(fd)


def _wait_for(fd: int, unless: Callable[[], bool] | None) -> bool:
    until = time.monotonic() + 1.0
    while unless is None or not unless():
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                raise Unavailable("The lock of the file cache is held for 1 s.") from None
            time.sleep(random.uniform(0.0005, 0.002))
    return False


@contextmanager
def _world() -> Iterator[None]:
    """A full, read-only or missing disk is no error of the page's."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The file cache: {error}") from error


def _read(path: Path) -> bytes | None:
    try:
        whole = path.read_bytes()
    except FileNotFoundError:
        return None
    if len(whole) < HEADER.size:
        return None
    magic, end = HEADER.unpack_from(whole)
    if magic != MAGIC or end <= time.time():
        _remove(path)
        return None
    return whole[HEADER.size :]


def _end(path: Path) -> float:
    """When it expires; at once if it is none of ours."""
    with path.open("rb") as file:
        head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return 0.0
    magic, end = HEADER.unpack(head)
    return float(end) if magic == MAGIC else 0.0


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()
