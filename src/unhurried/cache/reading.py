"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._functions._fragment import do_cached
from ._install import install
from ._warm import Warmed, warm

__all__ = ["Warmed", "do_cached", "install", "warm"]
