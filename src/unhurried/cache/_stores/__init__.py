"""Where entries lie, as bytes; nothing that is read back is ever unpickled."""

from ._choose import store_for
from ._store import Store

__all__ = ["Store", "store_for"]
