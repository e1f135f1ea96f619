"""The one list of names of a store: append-only, so that a name's row is the same in every slot."""

from __future__ import annotations

import errno
import json
import os
import re
import secrets
from pathlib import Path
from zlib import crc32

from ._errors import StoreError
from ._layout import GROUPS, OTHER
from ._locks import locked

HEAD = "unhurried names "
FIRST_LINE = re.compile(re.escape(HEAD) + "([0-9a-f]{14})")
KINDS = {"request": "route", "unit": "route"}  # kinds that share a group; others are their own
LONGEST = 200
#: Names that are one line of JSON already. They can't be cut, so whoever makes them bounds them,
#: and they are not taken apart here: most who read the list have no use for them.
WHOLE = frozenset(
    {"statement", "sighting", "line", "kept", "tie", "reason", "change", "sample", "vital"}
)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class Names:
    """Names and rows, read on from where the last reading ended."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "names"
        self.id = 0
        self.rows: dict[str, dict[tuple[str, str], int]] = {group: {} for group in GROUPS}
        self.order: dict[str, list[tuple[str, str]]] = {group: [] for group in GROUPS}
        self._others: dict[str, int] = {}  # the rows of (other)
        self._offset = 0
        self._first = b""
        with locked(folder):
            if not self._begun():
                self._append(f"{HEAD}{secrets.token_hex(7)}\n")
        self.refresh()
        if not self.id:
            raise self._damaged()

    def _begun(self) -> bool:
        """Whether there is a first line; one that was cut off in the middle is none."""
        if not self.path.exists():
            return False
        with self.path.open("rb") as file:
            start = file.read(len(HEAD) + 15).decode("utf-8", "replace")
        return "\n" in start or not (HEAD.startswith(start) or start.startswith(HEAD))

    def refresh(self) -> None:
        """Take in what other processes have named since."""
        with self.path.open("rb") as file:
            if self.id and file.readline(len(HEAD) + 15) != self._first:
                raise self._damaged()
            file.seek(self._offset)
            whole, newline, _torn = file.read().rpartition(b"\n")
        if newline:
            self._offset += len(whole) + 1
            for line in whole.split(b"\n"):
                self._take(line)

    def _take(self, line: bytes) -> None:
        if not self.id:
            self.id = self._identify(line.decode("utf-8", "replace"))
            return
        check, _, rest = line.partition(b" ")
        kind, _, name = rest.decode("ascii", "replace").partition(" ")
        group = KINDS.get(kind, kind)
        if check != b"%08x" % crc32(rest) or group not in self.rows:
            raise self._damaged()
        key = (kind, name if kind in WHOLE else json.loads(name))
        self.rows[group][key] = row = len(self.order[group])
        if key[1] == OTHER:
            self._others.setdefault(group, row)
        self.order[group].append(key)

    def _identify(self, text: str) -> int:
        found = FIRST_LINE.fullmatch(text)
        if found is None:
            raise self._damaged()
        self._first = f"{text}\n".encode()
        return int(found[1], 16)

    def _damaged(self) -> StoreError:
        return StoreError(
            f"{self.path} is not, or no longer, a list of names of ours.",
            f"Remove the folder {self.folder}; measuring starts anew.",
        )

    def row(self, kind: str, name: str) -> int:
        """The row of a name: a new one where there is room, else that of (other)."""
        group, key = KINDS.get(kind, kind), (kind, name if kind in WHOLE else name[:LONGEST])
        rows = self.rows[group]
        row = rows.get(key)
        if row is None and len(rows) >= GROUPS[group].rows:  # for good: no lock, no file to look at
            row = self._others.get(group)
        return self._add(group, key) if row is None else row

    def _add(self, group: str, key: tuple[str, str]) -> int:
        with locked(self.folder):
            self.refresh()
            rows = self.rows[group]
            if key not in rows and len(rows) >= GROUPS[group].rows - 1:
                key = next((k for k in rows if k[1] == OTHER), (key[0], OTHER))
            if key not in rows:
                rest = f"{key[0]} {key[1] if group in WHOLE else json.dumps(key[1])}"
                self._append(f"{crc32(rest.encode()):08x} {rest}\n")
                self.refresh()
            return rows[key]

    def _append(self, line: str) -> None:
        """Write one whole line, or nothing: a torn one (killed, disk full) is taken back first."""
        data = line.encode()
        with open(self.path, "ab", buffering=0, opener=_private) as file:
            os.truncate(file.fileno(), self._offset)
            try:
                whole = file.write(data) == len(data)
            except OSError:
                os.truncate(file.fileno(), self._offset)
                raise
            if not whole:
                os.truncate(file.fileno(), self._offset)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self.path))
