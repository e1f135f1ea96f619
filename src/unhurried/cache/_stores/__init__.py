"""Where entries lie, as bytes; nothing that is read back is ever unpickled."""

from ._choose import store_for
from ._store import Found, Store

__all__ = ["Found", "Store", "store_for"]
