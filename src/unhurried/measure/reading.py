"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._buckets import COUNT, TIME, VALUE, Scale
from ._errors import StoreError, swallow
from ._history import SPANS, hosts, series, totals
from ._layout import FINE, GROUPS, LANE, VERSION
from ._read import Merged, Reader
from ._record import PARTS, Record, current
from ._snapshot import reader
from ._store import failure, folder

__all__ = [
    "COUNT",
    "FINE",
    "GROUPS",
    "LANE",
    "PARTS",
    "SPANS",
    "TIME",
    "VALUE",
    "VERSION",
    "Merged",
    "Reader",
    "Record",
    "Scale",
    "StoreError",
    "current",
    "failure",
    "folder",
    "hosts",
    "reader",
    "series",
    "swallow",
    "totals",
]
