"""The file of the embedded tokens: 65,536 numbers and as many deadlines, mapped by all who use it.

Whole before it gets its name, and never changed in size. It is good for one boot, as its deadlines
count from there, and for one inode: a copy, restored from a backup, would bring old tokens back.
"""

from __future__ import annotations

import mmap
import os
import secrets
import stat
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Final

from .._errors import Unavailable

if sys.platform == "win32":  # where _open refuses
    fcntl = None
else:
    import fcntl

SLOTS: Final = 1 << 16
HEAD: Final = 4096
SIZE: Final = HEAD + 2 * 8 * SLOTS
MAGIC: Final = b"UNHTOK01"
HEADER: Final = struct.Struct("<8s36s16sQQ")  # magic, boot, world, device, inode
PATIENCE: Final = 1.0  # seconds; holders need microseconds, but one may have been stopped
CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
TRIES: Final = 10


def now() -> int:
    """Nanoseconds since boot, sleep included: no one sets this clock."""
    return time.clock_gettime_ns(CLOCK)


@cache
def boot_id() -> bytes:
    """Which boot this is, b"" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip()[:36]
    except OSError:
        return b""


class Table:
    """One mapped table: ``tokens`` and ``expiry`` (ns since boot, 0: none pends) by slot."""

    __slots__ = ("_fd", "_inode", "expiry", "tokens", "world")

    def __init__(self, memory: mmap.mmap, world: str, fd: int) -> None:
        words = memoryview(memory)[HEAD:].cast("Q")
        self.tokens, self.expiry = words[:SLOTS], words[SLOTS:]
        self.world = world
        self._fd = fd  # for locking alone: a mapping keeps its own copy, also after a fork
        self._inode = _inode(os.fstat(fd)) if fd >= 0 else None

    @classmethod
    def private(cls) -> Table:
        """One of this process alone."""
        memory = mmap.mmap(-1, SIZE)
        memory[HEAD : HEAD + 8 * SLOTS] = secrets.token_bytes(8 * SLOTS)
        return cls(memory, secrets.token_hex(16), -1)

    @classmethod
    def open(cls, path: Path, like: Path | None = None) -> Table:
        """The table at the path, which is made where there is none, or none of ours.

        A new one gets the owner and the rights of ``like``. Raises Unavailable.
        """
        if fcntl is None:
            raise Unavailable("Embedded tokens need POSIX file locks; set TOKENS to a cache.")
        try:
            for _ in range(TRIES):
                if table := cls._open(path, like):
                    return table
        except OSError as error:
            raise Unavailable(f"{path} can't be used for tokens: {error}") from error
        raise Unavailable(f"{path} changes all the time.")

    @classmethod
    def _open(cls, path: Path, like: Path | None) -> Table | None:
        """None: look again, somebody may have been quicker."""
        try:
            fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            _make(path, like, replace=False)
            return None
        try:
            world = _world(fd)
            if world:
                table = cls(mmap.mmap(fd, SIZE), world, fd)
                fd = -1
                table.adopt()
                return table
            with locked(fd):
                if _inode_at(path) == _inode(os.fstat(fd)):  # else it has been replaced
                    _make(path, like, replace=True)
            return None
        finally:
            if fd >= 0:
                os.close(fd)

    def adopt(self) -> None:
        """Where nobody tells one boot from another, deadlines may be of the last: start them anew.

        Not clear them: a living writer may wait for its own.
        """
        if self._fd < 0 or boot_id():
            return
        with locked(self._fd):
            for i in (i for i, pending in enumerate(self.expiry) if pending):
                self.tokens[i], self.expiry[i] = secrets.randbits(64), now() + 60 * 10**9

    def is_at(self, path: Path) -> bool:
        """False: the file was removed, or replaced, under us."""
        return _inode_at(path) == self._inode

    def touch(self, slots: tuple[int, ...], deadline: int) -> None:
        """Let the tokens expire then, and no sooner; hold the lock."""
        expiry = self.expiry
        for i in slots:
            if expiry[i] < deadline:
                expiry[i] = deadline

    def renew(self, slots: tuple[int, ...]) -> None:
        """New tokens. What pends is left alone: it may be another writer's.

        No lock: whoever else writes a token writes a new one too, and nobody has seen it yet.
        """
        tokens, random = self.tokens, os.urandom(8 * len(slots))
        for i, token in zip(slots, memoryview(random).cast("Q"), strict=True):
            tokens[i] = token

    def expire(self, slots: tuple[int, ...]) -> None:
        """New tokens for those whose deadline is over; hold the lock."""
        for i in slots:
            if self.expiry[i] and self.expiry[i] <= now():
                self.tokens[i] = secrets.randbits(64)
                self.expiry[i] = 0

    def hold(self) -> None:
        """Against other processes; threads of one share the descriptor, and so the lock.

        Raises Unavailable; else ``let_go`` has to follow.
        """
        fd = self._fd
        if fd < 0:
            return
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _hold(fd)

    def let_go(self) -> None:
        if self._fd >= 0:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def __del__(self) -> None:
        fd = getattr(self, "_fd", -1)
        if fd >= 0:
            os.close(fd)


@contextmanager
def locked(fd: int) -> Iterator[None]:
    """Hold the file; Unavailable if somebody does not let go of it."""
    _hold(fd)
    try:
        yield
    finally:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _hold(fd: int) -> None:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Unavailable(f"The table of tokens is held for {PATIENCE:g} s.") from None
            time.sleep(0.0002)


def _inode(found: os.stat_result) -> tuple[int, int]:
    return found.st_ino, found.st_dev


def _inode_at(path: Path) -> tuple[int, int] | None:
    try:
        return _inode(os.lstat(path))
    except OSError:
        return None


def _world(fd: int) -> str:
    """The id of a table that is ours, whole, of this boot and no copy; else ""."""
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise Unavailable("There is something else in the place of the table of tokens; move it.")
    head = os.pread(fd, HEADER.size, 0)
    if len(head) < HEADER.size or found.st_size < SIZE:
        return ""
    magic, boot, world, device, inode = HEADER.unpack(head)
    mine = (MAGIC, boot_id().ljust(36, b"\0"), found.st_dev, found.st_ino)
    return world.hex() if (magic, boot, device, inode) == mine else ""


def _make(path: Path, like: Path | None, *, replace: bool) -> None:
    """A new table, which gets its name once it is whole."""
    fd, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(fd, "wb") as file:
            _fill(file.fileno(), file.write)
            _take_after(file.fileno(), like)
        if replace:
            return os.replace(temporary, path)
        with suppress(FileExistsError):  # somebody was quicker, and his is in use
            os.link(temporary, path)
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary)


def _fill(fd: int, write: Callable[[bytes], object]) -> None:
    if hasattr(os, "posix_fallocate"):
        # A sparse file on a full disk is SIGBUS in the middle of a page, not ENOSPC here.
        os.posix_fallocate(fd, 0, SIZE)
    found = os.fstat(fd)
    world = secrets.token_bytes(16)
    write(HEADER.pack(MAGIC, boot_id(), world, found.st_dev, found.st_ino).ljust(HEAD, b"\0"))
    write(secrets.token_bytes(8 * SLOTS))
    write(bytes(8 * SLOTS))


def _take_after(fd: int, like: Path | None) -> None:
    """Owner and rights of the database beside it, as SQLite does with its own files.

    Else a shell of root's would leave a table that the site can't open.
    """
    try:
        model = os.stat(like) if like is not None else None
    except FileNotFoundError:
        model = None
    if model is None:
        return
    os.fchmod(fd, stat.S_IMODE(model.st_mode) & 0o666)
    if os.geteuid() == 0:
        os.fchown(fd, model.st_uid, model.st_gid)
