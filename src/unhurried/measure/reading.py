"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._asked import asked
from ._buckets import COUNT, TIME, VALUE, Scale
from ._errors import StoreError, say_once, swallow
from ._folding import at_once, draining, folds
from ._history import SPANS, hosts, series, totals
from ._in_bulk import Answered, served
from ._kept import Change, KeptRow, Reason, changes, kept
from ._layout import GROUPS, KEPT, LANE, STATEMENT, VERSION
from ._layout import buckets as buckets_of
from ._locks import locked
from ._probes._fetching import fetched
from ._probes.sql import Statement, guards, not_heard, observers, tap, unheard
from ._probes.sql import install as install_tap
from ._read import Merged, Reader
from ._record import PARTS, Record, SampledRecord, Seen, Stepped, current
from ._replayed import Replayed
from ._request import UNRESOLVED
from ._snapshot import reader
from ._statements import OTHER, is_control, met, repeated
from ._store import Store, failure, folder, prepare, versioned
from ._tables import SightingRow, StatementRow
from ._told import told
from ._units import finished, weighed, with_statements
from .sinks._names import printable, shown

__all__ = [
    "COUNT",
    "GROUPS",
    "KEPT",
    "LANE",
    "OTHER",
    "PARTS",
    "SPANS",
    "STATEMENT",
    "TIME",
    "UNRESOLVED",
    "VALUE",
    "VERSION",
    "Answered",
    "Change",
    "KeptRow",
    "Merged",
    "Reader",
    "Reason",
    "Record",
    "Replayed",
    "SampledRecord",
    "Scale",
    "Seen",
    "SightingRow",
    "Statement",
    "StatementRow",
    "Stepped",
    "Store",
    "StoreError",
    "asked",
    "at_once",
    "buckets_of",
    "changes",
    "current",
    "draining",
    "failure",
    "fetched",
    "finished",
    "folder",
    "folds",
    "guards",
    "hosts",
    "install_tap",
    "is_control",
    "kept",
    "locked",
    "met",
    "not_heard",
    "observers",
    "prepare",
    "printable",
    "reader",
    "repeated",
    "say_once",
    "series",
    "served",
    "shown",
    "swallow",
    "tap",
    "told",
    "totals",
    "unheard",
    "versioned",
    "weighed",
    "with_statements",
]
