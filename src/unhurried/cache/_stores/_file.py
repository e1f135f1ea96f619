"""Entries as files in the cache's folder, in a subfolder of our own: the names are hashes.

A file begins with when it expires; it gets its name whole, by rename. Whoever can write there can
write pages, so the folder is ours alone or is not used.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from typing import Final

from .._chance import chance
from .._errors import Unavailable
from .._servers._kinds import options_of, prefix_and_version
from ._store import OneByOne

if sys.platform == "win32":  # where nothing is locked, and a lease may be had twice
    fcntl = None
else:
    import fcntl

NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
HEADER: Final = struct.Struct("<8sd")  # magic, unix time of its end
MAGIC: Final = b"UNHENT01"
FOLDERS: Final = 256  # into which entries are divided, and of which a sweep looks at one
SWEEP_EVERY: Final = 64  # sets, on average
STALE: Final = 60.0  # seconds after which a file without its name has been left by a dead process


class FileStore(OneByOne):
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
        """Keep it only while ``lease`` holds ``holder``, and give that back."""
        with _world(), self._alone():
            kept = _read(self._path(lease)) == holder and self._set(key, data, ttl)
            if kept:
                _remove(self._path(lease))
            return kept

    def add(self, key: str, data: bytes, ttl: float) -> bool:
        """Keep it if there is nothing; the lock is only for what has expired.

        A crowd asks for one lease: had each to lock, most would give up and compute.
        """
        path = self._path(key)
        with _world():
            if self._is_ours() and path.exists():
                if _read(path) is not None:
                    return False
            elif (added := self._set_new(path, data, ttl)) is not None:
                return added
            with self._alone():
                return _read(path) is None and self._set(key, data, ttl)

    def release(self, lease: str, holder: bytes) -> None:
        """Delete the lease if it still holds ``holder``."""
        with _world(), self._alone():
            if _read(self._path(lease)) == holder:
                _remove(self._path(lease))

    def delete(self, key: str) -> None:
        """Forget the key."""
        with _world():
            if self._is_ours():
                _remove(self._path(key))

    def _set(self, key: str, data: bytes, ttl: float) -> bool:
        if ttl <= 0:
            return False
        path = self._path(key)
        with self._written(path, data, ttl) as temporary:
            os.replace(temporary, path)
        return True

    def _set_new(self, path: Path, data: bytes, ttl: float) -> bool | None:
        """Whether it was the first there; None where there are no hard links."""
        if ttl <= 0:
            return False
        with self._written(path, data, ttl) as temporary:
            try:
                os.link(temporary, path)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno in NO_LINKS:
                    return None
                raise
        return True

    @contextmanager
    def _written(self, path: Path, data: bytes, ttl: float) -> Iterator[Path]:
        """A whole file beside the path, to be given its name; it is gone afterwards."""
        self._prepare(path.parent)
        temporary = path.with_name(f".{secrets.token_hex(8)}")
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(HEADER.pack(MAGIC, time.time() + ttl))
                file.write(data)
            yield temporary
        finally:
            _remove(temporary)
        if chance.randrange(SWEEP_EVERY) == 0:
            self._sweep(path.parent)

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
    def _alone(self) -> Iterator[None]:
        """For what asks first and then does."""
        self._prepare(self.folder)
        fd = os.open(self.folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            if fcntl is not None:
                _wait_for(fd)
            yield
        finally:
            os.close(fd)


def _wait_for(fd: int) -> None:
    until = time.monotonic() + 1.0
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Unavailable("The lock of the file cache is held for 1 s.") from None
            time.sleep(0.0005)


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
        return None  # left for the sweep: by now the name may be another's, a new lease's
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
