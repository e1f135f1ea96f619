"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from . import _files as files
from ._asked import asked
from ._buckets import COUNT, TIME, VALUE, Scale
from ._compiled import compiled
from ._end import THREADS, WRITES, at_end, not_at_end, rest
from ._errors import StoreError, not_kept, say_once, swallow
from ._folder import folder, prepare, versioned
from ._folding import at_once, draining, folding
from ._frames import Where, blamed, drawn, outward, placed, still
from ._history import SPANS, hosts, series, totals
from ._in_bulk import Answered, served
from ._kept import Change, KeptRow, Reason, changes, kept
from ._labels import client_hash, client_label
from ._layout import CLIENT, GROUPS, KEPT, LANE, PROCESS, SAMPLE, STATEMENT, VERSION, VITAL
from ._layout import buckets as buckets_of
from ._locks import locked
from ._moments import Moment
from ._own import PLACE, below_script, can_link, own_prefix
from ._paths import ONE_IN as ONE_PATH_IN
from ._probes._fetching import fetched
from ._probes.cache import heard as cache_verbs
from ._probes.cache import install as install_cache_probe
from ._probes.sql import Statement, asking, attached, guards, not_heard, observers, tap, unheard
from ._probes.sql import install as install_tap
from ._processes import SERVERS
from ._read import Merged, Reader
from ._record import CACHE, DB, HTTP, PARTS, Record, SampledRecord, Seen, Stepped, current
from ._releases import Release, before_and_after, releases
from ._replayed import Replayed, is_replayed
from ._request import UNRESOLVED, resolving
from ._sampler import every
from ._slow import slow_requests
from ._snapshot import Lanes, reader
from ._spans import moment, since, window
from ._statements import OTHER, is_control, met, repeated
from ._store import Store, failure
from ._tables import Key, SightingRow, StatementRow
from ._told import told
from ._units import finished, streamed, weighed
from ._version import version
from ._vitals import FRONT, VITALS
from ._vitals import edges as edges_of_vital
from ._vitals import keep as keep_vitals
from ._window import ClientRow, Process, SampleRow, VitalRow, Window
from .sinks._names import printable, shown, typed

__all__ = [
    "CACHE",
    "CLIENT",
    "COUNT",
    "DB",
    "FRONT",
    "GROUPS",
    "HTTP",
    "KEPT",
    "LANE",
    "ONE_PATH_IN",
    "OTHER",
    "PARTS",
    "PLACE",
    "PROCESS",
    "SAMPLE",
    "SERVERS",
    "SPANS",
    "STATEMENT",
    "THREADS",
    "TIME",
    "UNRESOLVED",
    "VALUE",
    "VERSION",
    "VITAL",
    "VITALS",
    "WRITES",
    "Answered",
    "Change",
    "ClientRow",
    "KeptRow",
    "Key",
    "Lanes",
    "Merged",
    "Moment",
    "Process",
    "Reader",
    "Reason",
    "Record",
    "Release",
    "Replayed",
    "SampleRow",
    "SampledRecord",
    "Scale",
    "Seen",
    "SightingRow",
    "Statement",
    "StatementRow",
    "Stepped",
    "Store",
    "StoreError",
    "VitalRow",
    "Where",
    "Window",
    "asked",
    "asking",
    "at_end",
    "at_once",
    "attached",
    "before_and_after",
    "below_script",
    "blamed",
    "buckets_of",
    "cache_verbs",
    "can_link",
    "changes",
    "client_hash",
    "client_label",
    "compiled",
    "current",
    "draining",
    "drawn",
    "edges_of_vital",
    "every",
    "failure",
    "fetched",
    "files",
    "finished",
    "folder",
    "folding",
    "guards",
    "hosts",
    "install_cache_probe",
    "install_tap",
    "is_control",
    "is_replayed",
    "keep_vitals",
    "kept",
    "locked",
    "met",
    "moment",
    "not_at_end",
    "not_heard",
    "not_kept",
    "observers",
    "outward",
    "own_prefix",
    "placed",
    "prepare",
    "printable",
    "reader",
    "releases",
    "repeated",
    "resolving",
    "rest",
    "say_once",
    "series",
    "served",
    "shown",
    "since",
    "slow_requests",
    "still",
    "streamed",
    "swallow",
    "tap",
    "told",
    "totals",
    "typed",
    "unheard",
    "version",
    "versioned",
    "weighed",
    "window",
]
