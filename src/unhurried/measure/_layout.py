"""Where each number lies in a slot: words of eight bytes, the same in every process.

A slot is: one header, one block of lanes per route, the instruments' lanes, then chunks of fine
buckets appended as rows need them. Changing anything here means raising ``VERSION``: the folder
of another version is left alone.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

from ._buckets import COUNT, TIME, VALUE

VERSION: Final = 7
MAGIC: Final = int.from_bytes(b"unhurry1", "little")
WORD: Final = 8
PAGE: Final = 16384  # a multiple of every page size in use, so that any block can be mapped

ROWS: Final = 200  # of routes, and of each kind of instrument; the last is (other)
STATEMENTS: Final = 2000
SIGHTINGS: Final = 400
LINES: Final = 2500  # more than statements: each has one at least
KEPT_THINGS: Final = 300
TIES: Final = 1500
REASONS: Final = 600
CHANGES: Final = 600
CLIENTS: Final = 64  # of one process; see _clients
SAMPLES: Final = 800
VITALS: Final = 400
OTHER: Final = "(other)"
CHUNK_ROWS: Final = 16

# Header, in words.
H_MAGIC, H_NAMES, H_PID, H_BOOTED, H_CHUNKS = range(5)
H_DIRECTORY: Final = 8
HEADER: Final = PAGE // WORD
MAX_CHUNKS: Final = HEADER - H_DIRECTORY

# Lanes of a route (or of another unit of work). Times in nanoseconds.
STATUSES: Final = (
    200, 201, 202, 204, 206, 301, 302, 303, 304, 307, 308, 400, 401, 403, 404, 405, 406, 409,
    410, 413, 415, 422, 429, 499, 500, 501, 502, 503, 504,
)  # fmt: skip
STATUS_CLASSES: Final = ("1xx", "2xx", "3xx", "4xx", "5xx", "other")
_NAMES: Final = (
    # What every request writes lies together: whole cache lines, and as few as can be.
    *("started", "requests", "bytes", "wall", "cpu", "wall_max", "status_200", "template"),
    *(f"wall_{i}" for i in range(16)),
    *("errors", "exceptions", "db", "cache", "http", "queries", "queries_max", "rows"),
    *(f"{metric}_{i}" for metric in ("db", "queries", "queue") for i in range(16)),
    *("connects", "overlap", "streamed", "queue", "queued", "unsafe", "paths", "paths_new"),
    *("sampled", "sampled_wall", "sampled_own"),
    *("cpu_view", "cpu_db", "cpu_cache", "cpu_http", "cpu_template"),
    *(f"status_{code}" for code in STATUSES if code != 200),
    *(f"status_{name}" for name in STATUS_CLASSES),
    "connecting",
)
LANE: Final = {name: i for i, name in enumerate(_NAMES)}
LANES: Final = -(-len(_NAMES) // 8) * 8  # whole cache lines
STATUS_LANE: Final = {code: LANE[f"status_{code}"] for code in STATUSES}
COARSE: Final = {m: LANE[f"{m}_0"] for m in ("wall", "db", "queries", "queue")}


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one kind: their lanes in the base, their fine buckets in chunks."""

    name: str
    rows: int
    lanes: int
    fine: int
    start: int
    chunk: int

    @property
    def words(self) -> int:
        return self.lanes * self.rows

    @property
    def chunk_bytes(self) -> int:
        return -(-self.fine * CHUNK_ROWS * WORD // PAGE) * PAGE


# Fine buckets of a route, interleaved: the first of each, the second of each. A unit's wall and CPU
# are often neighbours so, and a reader need not read beyond the largest of what was seen.
FINE: Final = {"wall": 0, "cpu": 1, "db": 2, "queries": 3}
STRIDE: Final = len(FINE)
FINE_ROUTE: Final = STRIDE * max(TIME.size, COUNT.size)

# Lanes of a statement on a route, of a repeat seen there, of a line that asked. Times in
# nanoseconds, ``last`` in seconds of unix time; ``least`` is 0 where nothing was timed.
STATEMENT: Final = ("requests", "count", "ns", "least", "fetch", "rows", "failed", "last")
SIGHTING: Final = ("requests", "queries", "ns", "last")
LINE: Final = ("count", "last")

# Lanes of what is kept in the cache: how often what was found or done; nanoseconds that serving it
# has saved; then of the last entry stored, when (microseconds of unix time), its bytes, its kind.
# ``TIE`` is what it depends on, ``REASON`` why it was not stored, ``CHANGE`` who has changed a tag,
# each with the last one's seconds (of a change, microseconds).
KEPT: Final = (
    *("fresh", "stale", "changed", "computed", "unstored", "failed", "waited", "bypassed"),
    *("saved", "stored", "bytes", "kind"),
)
TIE: Final = ("count", "last")
REASON: Final = ("count", "last")
CHANGE: Final = ("count", "last")

# Lanes of the process itself, as its watch saw it; times in nanoseconds, ``born`` in seconds of
# unix time. ``watched``: how long it looked, ``late``: of that, how long it waited for its turn
# beyond what it had asked for, ``busy``: units under way, times how long, ``ran`` and ``waited``:
# all threads on a core, and ready to be on one. The rest is what it is.
PROCESS: Final = (
    *("beats", "watched", "late", "busy", "most_busy", "born", "ran", "waited"),
    *("threads", "server", "debug", "configured"),
)
# Lanes of a client (64 of a process, without names), of a line that was seen working, of a front
# end's metric (microseconds; of CLS, millionths).
CLIENT: Final = ("client", "cost", "error", "requests", "failed", "last")
SAMPLE: Final = ("count", "ns", "last")
VITAL: Final = ("count", "sum", "last", *(f"vital_{i}" for i in range(16)))

# Lanes of the instruments: counter up/down, gauge when/value, meter count/first/last/m1/m5/m15,
# histogram and timer count/sum/max/low.
_SIZES: Final = (
    ("route", ROWS, LANES, FINE_ROUTE),
    ("counter", ROWS, 2, 0),
    ("gauge", ROWS, 2, 0),
    ("meter", ROWS, 6, 0),
    ("histogram", ROWS, 4, VALUE.size),
    ("timer", ROWS, 4, TIME.size),
    ("statement", STATEMENTS, len(STATEMENT), 0),
    ("sighting", SIGHTINGS, len(SIGHTING), 0),
    ("line", LINES, len(LINE), 0),
    ("kept", KEPT_THINGS, len(KEPT), 0),
    ("tie", TIES, len(TIE), 0),
    ("reason", REASONS, len(REASON), 0),
    ("change", CHANGES, len(CHANGE), 0),
    ("process", 1, len(PROCESS), 0),
    ("client", CLIENTS, len(CLIENT), 0),
    ("sample", SAMPLES, len(SAMPLE), 0),
    ("vital", VITALS, len(VITAL), 0),
)


def _groups() -> dict[str, Group]:
    start, groups = HEADER, {}
    for number, (name, rows, lanes, fine) in enumerate(_SIZES, 1):
        groups[name] = Group(name, rows, lanes, fine, start, number)
        start += lanes * rows
    return groups


def buckets(fine: array[int], metric: str) -> array[int]:
    """Those of one metric among a route's."""
    return fine[FINE[metric] : STRIDE * (COUNT if metric == "queries" else TIME).size : STRIDE]


GROUPS: Final = _groups()
BASE_BYTES: Final = -(-(HEADER + sum(g.words for g in GROUPS.values())) * WORD // PAGE) * PAGE
BY_CHUNK: Final = {group.chunk: group for group in GROUPS.values()}
