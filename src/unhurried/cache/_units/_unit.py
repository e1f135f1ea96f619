"""What one unit of work has read: the token of each tag, from before the statement that read it."""

from __future__ import annotations

from collections.abc import Collection
from contextvars import ContextVar
from time import time

from unhurried.measure.reading import current as measured

from .._errors import Unavailable
from .._tokens._home import Home, home_of
from . import _tags

current: ContextVar[Unit | None] = ContextVar("unhurried_reads", default=None)
#: Names of what records from its start: routes, tasks, commands.
marked: set[str] = set()
#: Something was read here outside of any unit, and may lie in a variable: nobody knows what.
loose: ContextVar[bool] = ContextVar("unhurried_loose", default=False)


def unit_now() -> Unit | None:
    """That of the request, or else of the task or command that is measured; None outside of any."""
    unit = current.get()
    if unit is not None:
        return unit
    record = measured.get()
    if record is None:
        return None
    try:
        found: Unit = record.reads
    except AttributeError:
        found = record.reads = Unit(record.name, recording=record.name in marked)
    return found


class Unit:
    """One request, task or command, or one call of a cached function outside of any.

    ``tokens`` only grows, and each token is the first one seen: an entry made at any moment of the
    unit depends on all that was read until then. Shared by the threads and tasks of the unit.
    """

    __slots__ = (
        *("ahead", "epochs", "once", "path", "put", "recording", "timed", "tokens", "unrecorded"),
        *("unstorable", "until", "worlds", "writes", "written", "wrote"),
    )

    def __init__(self, path: str = "", *, recording: bool = False) -> None:
        self.path = path
        self.recording = recording
        #: A statement passed while nobody recorded.
        self.unrecorded = False
        self.tokens: dict[str, int] = {}
        self.worlds: dict[str, str] = {}
        #: Tokens that were fetched before anybody asked: each with its home and world, and whether
        #: that was before the first statement of its database, so before any snapshot there.
        self.ahead: dict[str, tuple[int, str, str, bool]] = {}
        #: alias -> the epoch from before the first statement there.
        self.epochs: dict[str, int] = {}
        self.unstorable = ""
        #: Why it is unstorable need not be so the next time.
        self.once = False
        #: A clock or a die was asked: what was made needs a ttl of its own.
        self.timed = ""
        #: Not fresh beyond this moment: the parts it is made of are not.
        self.until = float("inf")
        self.wrote = False
        #: (class, key) of what it has put into Django's own caches: it knows what that is made of.
        self.put: set[tuple[type, str]] = set()
        #: How often tables of the site's were written that a statement names, and the last of them.
        self.writes, self.written = 0, ""

    def refuse(self, reason: str, *, once: bool = False) -> None:
        """For good: whatever this unit makes from now on may hold what it has seen.

        ``once``: another unit that does the same may have more luck.
        """
        if not self.unstorable:
            self.unstorable, self.once = reason, once

    def written_since(self, writes: int) -> str:
        """A table that was written since there were so many ``writes``; empty if none was."""
        return self.written if self.writes != writes else ""

    def see(self, alias: str, tags: Collection[str], *, snapshot: bool) -> None:
        """Fetch the tokens of new tags; to be called before the statement that reads them."""
        epoch = _tags.epoch(alias)
        asked = [tag for tag in tags if tag not in self.tokens and tag != epoch]
        if epoch not in tags and (
            not asked or self._foreseen(alias, asked, epoch, snapshot=snapshot)
        ):
            return
        if snapshot or epoch in tags:
            asked.append(epoch)  # last: writers renew it first
        try:
            world, tokens = home_of(alias).read(asked)
        except Unavailable as error:
            return self.refuse(f"tokens can't be read: {error}", once=True)
        if self.worlds.setdefault(home_of(alias).name, world) != world:
            return self.refuse("the token server was changed meanwhile", once=True)
        if snapshot and self.epochs.setdefault(alias, tokens[-1]) != tokens[-1]:
            return self.refuse("data were changed while it was being made", once=True)
        for tag, token in zip(asked, tokens, strict=True):
            if tag in tags:
                self.tokens.setdefault(tag, token)

    def expect(self, aliases: Collection[str], tags: Collection[str]) -> None:
        """Fetch in one trip what will likely be asked, epochs of these aliases included.

        A token may be as old as one likes: it only has to precede what is read. So it is good for
        any statement to come, but for one in a snapshot that was there already.
        """
        new = [tag for tag in tags if tag not in self.tokens and tag not in self.ahead]
        epochs = [_tags.epoch(alias) for alias in aliases if alias not in self.epochs]
        asked: dict[Home, list[str]] = {}
        for tag in (*new, *epochs):  # epochs last: writers renew them first
            asked.setdefault(home_of(_tags.alias_of(tag)), []).append(tag)
        for home, some in asked.items():
            try:
                world, tokens = home.read(some)
            except Unavailable:
                return  # the statement's own question will say so
            for tag, token in zip(some, tokens, strict=True):
                early = _tags.alias_of(tag) not in self.epochs
                self.ahead[tag] = token, home.name, world, early

    def _foreseen(self, alias: str, asked: list[str], epoch: str, *, snapshot: bool) -> bool:
        """Take them from what was fetched ahead, if all are there and precede the snapshot."""
        ahead = self.ahead
        if not ahead or not ahead.keys() >= {*asked}:
            return False
        if snapshot:
            if epoch not in ahead or not all(ahead[tag][3] for tag in asked):
                return False
            self.epochs.setdefault(alias, ahead[epoch][0])
        for tag in asked:
            token, home, world, _ = ahead[tag]
            if self.worlds.setdefault(home, world) != world:
                self.refuse("the token server was changed meanwhile", once=True)
                return True
            self.tokens.setdefault(tag, token)
        return True

    def include(self, home: str, world: str, tokens: dict[str, int], until: float) -> None:
        """What is made now holds a kept part: it depends on all that the part depends on."""
        if self.worlds.setdefault(home, world) != world:
            self.refuse("a part is of another token server", once=True)
        for tag, token in tokens.items():
            if self.tokens.setdefault(tag, token) != token:
                self.refuse("a part is older than what was read before it", once=True)
        self.until = min(self.until, until)

    @property
    def spent(self) -> bool:
        return time() >= self.until
