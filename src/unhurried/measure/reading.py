"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._buckets import COUNT, TIME, VALUE, Scale
from ._errors import StoreError, swallow
from ._history import SPANS, hosts, series, totals
from ._layout import FINE, GROUPS, LANE, VERSION
from ._probes.sql import Statement, observers, tap
from ._read import Merged, Reader
from ._record import PARTS, Record, SampledRecord, Seen, current
from ._snapshot import reader
from ._statements import OTHER, is_control, repeated
from ._store import failure, folder
from ._units import finished

__all__ = [
    "COUNT",
    "FINE",
    "GROUPS",
    "LANE",
    "OTHER",
    "PARTS",
    "SPANS",
    "TIME",
    "VALUE",
    "VERSION",
    "Merged",
    "Reader",
    "Record",
    "SampledRecord",
    "Scale",
    "Seen",
    "Statement",
    "StoreError",
    "current",
    "failure",
    "finished",
    "folder",
    "hosts",
    "is_control",
    "observers",
    "reader",
    "repeated",
    "series",
    "swallow",
    "tap",
    "totals",
]
