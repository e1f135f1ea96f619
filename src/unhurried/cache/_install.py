"""What the app installs when it is ready: the guard of tokens, the background, the purging."""

from __future__ import annotations

from . import _refresh
from ._edges import _purge
from ._engine import _changes  # noqa: F401 - it listens from here on
from ._units import _install as _guard


def install() -> None:
    _guard.install()
    _refresh.install()
    _purge.install()
