"""Which two moments a verdict is made of."""

from __future__ import annotations

import time

from . import _moments, _releases
from ._folding import drain_opened
from ._moments import Moment
from ._read import Reader
from ._snapshot import reader
from ._window import Window, between


def window(minutes: float | None = None) -> Window:
    """The last ``minutes``, as far as minutes are kept (an hour); without: since the beginning.

    No longer than since this release began to serve: what an earlier one did is over.

    Raises ``StoreError`` where the store is not to be trusted.
    """
    source = _source()
    if source is None:
        return Window(time.time(), 0.0, whole=True)
    after = _moments.now(source)
    before = _releases.begun(after)
    if minutes is not None:
        path = source.folder / "history.sqlite"
        kept = _moments.latest_before(path, after.at - 60 * minutes, after)
        before = kept if before is None or (kept and kept.at > before.at) else before
    return between(source, before, after)


def _source() -> Reader | None:
    """The reader, with what waits in this process written, and the slots there are now."""
    drain_opened()
    source = reader()
    if source is not None:
        source.refresh()
    return source


def moment() -> Moment | None:
    """Now, for ``since``; None before anything was measured."""
    source = _source()
    return _moments.now(source) if source is not None else None


def since(before: Moment | None) -> Window:
    """What has happened since."""
    source = _source()
    if source is None:
        return Window(time.time(), 0.0, whole=True)
    after = _moments.now(source)
    return between(source, before if before and before.precedes(after) else None, after)
