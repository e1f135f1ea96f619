"""The ledger: what each test asks of the database, in a file that is reviewed like code.

One block a test, one line a statement, all sorted, so that a change shows as the lines that have
changed. A test without queries has no block. Lines of source are there for the reader: nothing is
compared with them, and they are written anew only where the block is.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ._listing import LINES, Asked, listed, one_line, queries

HEADER: Final = (
    "# What each test asks of the database: count, database, lines, statement. Kept by unhurried:\n"
    "# tests that ask for more fail; `pytest --queries-update` takes over what they ask now.\n"
)
Key = tuple[str, str]
Block = dict[Key, Asked]


class LedgerError(Exception):
    """The file is none of ours, or was damaged in a merge."""


@dataclass(frozen=True, slots=True)
class Change:
    """What a test asked: all of it is taken over (``grows``), or only where it is less."""

    grows: bool
    asked: tuple[Asked, ...]

    def sent(self) -> list[object]:
        """As lists of strings and numbers, which xdist can send."""
        return [self.grows, [[a.alias, a.sql, a.count, list(a.lines)] for a in self.asked]]

    @classmethod
    def got(cls, sent: Sequence[object]) -> Change:
        grows, rows = sent
        assert isinstance(rows, list)
        asked = (Asked(alias, sql, count, tuple(lines)) for alias, sql, count, lines in rows)
        return cls(bool(grows), tuple(asked))


def block(asked: Collection[Asked]) -> Block:
    """By what they are compared: database and statement."""
    return {(one_line(a.alias), one_line(a.sql)): a for a in asked}


def read(path: Path) -> dict[str, Block]:
    """All blocks by test; none where there is no file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    blocks: dict[str, Block] = {}
    here: Block | None = None
    for number, line in enumerate(lines, 1):
        if line.startswith("\t"):
            _add(here, line, f"{path.name}:{number}")
        elif line.startswith(("<<<<<<< ", "=======", ">>>>>>> ")):
            raise _error(f"{path.name}:{number}", "has a conflict of a merge")
        elif line and not line.startswith("# "):
            here = blocks.setdefault(line, {})
    return blocks


def _add(here: Block | None, line: str, where: str) -> None:
    fields = line.split("\t")
    if here is None or len(fields) != 5 or not fields[1].isdigit():
        raise _error(where, "can't be read")
    _, count, alias, at, sql = fields
    here[alias, sql] = Asked(alias, sql, int(count), tuple(at.split(", ")) if at else ())


def _error(where: str, what: str) -> LedgerError:
    return LedgerError(f"{where} {what}: correct it, or take the file of either side and run "
                       "pytest --queries-update.")  # fmt: skip


def text(blocks: Mapping[str, Block]) -> str:
    """The file."""
    return HEADER + "".join(
        f"\n{test}\n{''.join(_line(*item) for item in sorted(blocks[test].items()))}"
        for test in sorted(blocks)
        if blocks[test]
    )


def _line(key: Key, asked: Asked) -> str:
    at = one_line(", ".join(asked.lines[:LINES]))
    return f"\t{asked.count}\t{key[0]}\t{at}\t{key[1]}\n"


def grown(known: Block, now: Block) -> str:
    """What is more, and all else that has changed, as lines of a diff; empty where nothing grew."""
    more = [key for key, asked in now.items() if asked.count > _count(known, key)]
    if not more:
        return ""
    less = [key for key, asked in known.items() if asked.count > _count(now, key)]
    changes = [*_changes(known, now, more, "+"), *_changes(known, now, less, "-")]
    was, is_ = (sum(a.count for a in each.values()) for each in (known, now))
    return f"{was} -> {queries(is_)}:\n{listed(changes)}\n"


def _changes(known: Block, now: Block, keys: list[Key], sign: str) -> Iterator[str]:
    for key in sorted(keys, key=lambda key: -abs(_count(now, key) - _count(known, key))):
        before = _count(known, key)
        asked = now.get(key) or Asked(*key, 0, known[key].lines)
        yield f"{sign} {before} -> {asked}"


def _count(blocks: Block, key: Key) -> int:
    asked = blocks.get(key)
    return asked.count if asked is not None else 0


def is_less(known: Block, now: Block) -> bool:
    return any(asked.count > _count(now, key) for key, asked in known.items())


def apply(
    path: Path, changes: Mapping[str, Change], collected: Collection[str] | None = None
) -> str:
    """Write what has changed into the file, which others may be writing at the same time.

    ``collected`` are all tests there are, where that is known: blocks of others go. Returns one
    line that says what was done, empty if nothing was.
    """
    if not changes and (collected is None or not path.exists()):
        return ""
    with _alone(path.parent):
        blocks = read(path)
        before = text(blocks) if path.exists() else ""
        told = [_apply(blocks, changes), _prune(blocks, collected)]
        after = text(blocks)
        if after == before or (not before and after == HEADER):
            return ""
        _replace(path, after)
    return f"{path.name}: {', '.join(filter(None, told))}"


def _apply(blocks: dict[str, Block], changes: Mapping[str, Change]) -> str:
    more = less = 0
    for test, change in changes.items():
        known, now = blocks.get(test, {}), block(change.asked)
        if change.grows:
            more += bool(grown(known, now))
            less += not grown(known, now) and is_less(known, now)
            blocks[test] = now if _counts(now) != _counts(known) else known
        elif is_less(known, now):
            less += 1
            blocks[test] = _least(known, now)
    told = [f"more in {tests(more)}" if more else "", f"less in {tests(less)}" if less else ""]
    return ", ".join(filter(None, told))


def _counts(of: Block) -> dict[Key, int]:
    return {key: asked.count for key, asked in of.items()}


def _least(known: Block, now: Block) -> Block:
    """Whoever else has written meanwhile: never more than is there."""
    both = (key for key in known if key in now)
    return {key: min(known[key], now[key], key=lambda asked: asked.count) for key in both}


def _prune(blocks: dict[str, Block], collected: Collection[str] | None) -> str:
    gone = [test for test in blocks if collected is not None and test not in collected]
    for test in gone:
        del blocks[test]
    return f"{tests(len(gone))} gone" if gone else ""


def tests(count: int) -> str:
    return "1 test" if count == 1 else f"{count} tests"


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One session at a time, by a lock on the folder: no file is left lying about."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _replace(path: Path, content: str) -> None:
    """In one step: a reader sees the old file, or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        new.write_text(content, encoding="utf-8")
        os.replace(new, path)
    finally:
        new.unlink(missing_ok=True)
