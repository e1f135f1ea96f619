"""A slot: the file that holds one process's own numbers, mapped into its memory.

It is locked for the life of the process and taken over, numbers and all, by the next one: a dead
worker needs no archive, no folding, and nothing can be counted twice.
"""

from __future__ import annotations

import errno
import mmap
import os
import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from . import _layout as L
from ._errors import say_once
from ._locks import hold, locked

NUMBERED = re.compile(r"slot-(0|[1-9][0-9]{0,8})")  # whatever else has such a name is not ours


def paths(folder: Path) -> list[Path]:
    """The slots of a store, by number."""
    found = [p for p in folder.glob("slot-*") if NUMBERED.fullmatch(p.name)]
    return sorted(found, key=lambda path: int(path.name.removeprefix("slot-")))


def reserve(fd: int, start: int, size: int) -> None:
    """Take the room now: a full disk must be ENOSPC here, not SIGBUS in the middle of a page."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, start, size)
        return
    for offset in range(start, start + size, L.PAGE):
        os.pwrite(fd, bytes(L.PAGE), offset)


def is_ours(header: memoryview, names_id: int) -> bool:
    """Whether this is a slot of the store with these names, as far as its header can tell."""
    if header[L.H_MAGIC] != L.MAGIC or header[L.H_NAMES] != names_id:
        return False
    if header[L.H_CHUNKS] > L.MAX_CHUNKS:
        return False
    directory = header[L.H_DIRECTORY : L.H_DIRECTORY + header[L.H_CHUNKS]].tolist()
    return len(set(directory)) == len(directory) and all(map(_is_chunk, directory))


def _is_chunk(entry: int) -> bool:
    group = L.BY_CHUNK.get(entry >> 16)
    return group is not None and group.fine > 0 and (entry & 0xFFFF) * L.CHUNK_ROWS < group.rows


def readable(path: Path, names_id: int) -> bool:
    """Whether this is a slot of the store, or one whose making is under way or was cut off."""
    with path.open("rb") as file:
        header = file.read(L.PAGE)
    if not any(header):
        return True
    return len(header) == L.PAGE and is_ours(memoryview(header).cast("Q"), names_id)


def chunks(header: memoryview) -> Iterator[tuple[L.Group, int, int]]:
    """(group, number of the chunk, offset in the file) for each chunk, in the order appended."""
    offset = L.BASE_BYTES
    for i in range(min(header[L.H_CHUNKS], L.MAX_CHUNKS)):
        kind, number = divmod(header[L.H_DIRECTORY + i], 1 << 16)
        group = L.BY_CHUNK[kind]
        yield group, number, offset
        offset += group.chunk_bytes


class Slot:
    """The slot this process writes.

    ``lock`` is a descriptor for locking and nothing else: a mapping keeps a copy of the descriptor
    it was made from, and after a fork that copy would hold the parent's lock for the child's life.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self.pid = os.getpid()
        self._lock = lock
        self._fd = fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        self._map = mmap.mmap(fd, L.BASE_BYTES)
        self.words = memoryview(self._map).cast("Q")
        self.floats = memoryview(self._map).cast("d")
        self._chunks: dict[tuple[int, int], memoryview] = {}

    @classmethod
    def claim(cls, folder: Path, names_id: int) -> Slot:
        """Take the first slot nobody holds, or make one."""
        with locked(folder):
            for number in count():
                path = folder / f"slot-{number}"
                lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
                try:
                    if hold(lock) and (slot := cls._open(path, lock, names_id)):
                        return slot
                except OSError:
                    os.close(lock)
                    raise
                os.close(lock)
        raise AssertionError("unreachable")

    @classmethod
    def _open(cls, path: Path, lock: int, names_id: int) -> Slot | None:
        if not readable(path, names_id):
            say_once("%s is no slot of this store and is left alone; remove it.", path)
            return None
        reserve(lock, 0, L.BASE_BYTES)
        slot = cls(path, lock)
        slot.words[L.H_NAMES] = names_id
        slot.words[L.H_MAGIC] = L.MAGIC
        try:
            slot._begin()
        except OSError:
            os.close(slot._fd)  # ``claim`` closes the other one
            raise
        return slot

    def _begin(self) -> None:
        """Requests that were under way when the last holder died are not under way any more."""
        self.words[L.H_PID] = self.pid
        self.words[L.H_BOOTED] = time.time_ns()
        started, done = L.LANE["started"], L.LANE["requests"]
        start = L.GROUPS["route"].start
        for row in range(start, start + L.GROUPS["route"].words, L.LANES):
            self.words[row + started] = self.words[row + done]
        self._chunks = {(g.chunk, n): self._chunk(g, at) for g, n, at in chunks(self.words)}

    def lanes(self, group: L.Group, row: int) -> memoryview:
        """The row's own lanes, integers."""
        start = group.start + row * group.lanes
        return self.words[start : start + group.lanes]

    def floating(self, group: L.Group, row: int) -> memoryview[float]:
        """The same lanes read as floats."""
        start = group.start + row * group.lanes
        return self.floats[start : start + group.lanes]

    def fine(self, group: L.Group, row: int) -> memoryview:
        """The row's fine buckets; the file grows by a chunk for sixteen rows where need be."""
        number, place = divmod(row, L.CHUNK_ROWS)
        chunk = self._chunks.get((group.chunk, number))
        if chunk is None:
            chunk = self._chunks[group.chunk, number] = self._append(group, number)
        return chunk[place * group.fine : (place + 1) * group.fine]

    def _append(self, group: L.Group, number: int) -> memoryview:
        if self._fd < 0:
            raise OSError(errno.ENOENT, "this process has left the slot", str(self.path))
        have = self.words[L.H_CHUNKS]
        if have >= L.MAX_CHUNKS:
            raise OSError(errno.EFBIG, "no room for another chunk", str(self.path))
        offset = L.BASE_BYTES + sum(g.chunk_bytes for g, _, _ in chunks(self.words))
        reserve(self._fd, offset, group.chunk_bytes)
        view = self._chunk(group, offset)
        self.words[L.H_DIRECTORY + have] = (group.chunk << 16) + number
        self.words[L.H_CHUNKS] = have + 1
        return view

    def _chunk(self, group: L.Group, offset: int) -> memoryview:
        reserve(self._fd, offset, group.chunk_bytes)  # a damaged file may be shorter than it says
        return memoryview(mmap.mmap(self._fd, group.chunk_bytes, offset=offset)).cast("Q")

    def close(self) -> None:
        """Let go of the file; the mapping goes with the last view of it.

        After fork this is all the child does: its copy of the descriptor must not unlock the
        parent's, and closing one of two copies does not.
        """
        os.close(self._fd)
        self._fd = -1
        os.close(self._lock)

    def lost(self) -> bool:
        """Whether the file was removed, or replaced, under us."""
        try:
            return not os.path.samestat(self.path.stat(), os.fstat(self._fd))
        except OSError:
            return True
