"""What the app installs when it is ready: the guard of tokens, and the lane of the background."""

from __future__ import annotations

from . import _refresh
from ._engine import _changes  # noqa: F401 - it listens from here on
from ._units import _install as _guard


def install() -> None:
    _guard.install()
    _refresh.install()
