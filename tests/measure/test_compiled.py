"""The compiled half: that it is found or left alone, that it does what Python does, and what it
does with what it was not made for. All other tests are its tests, too: ``make test C=1``.
"""

from __future__ import annotations

import gc
import json
import os
import random
import subprocess
import sys
import threading
import time
import tomllib
from array import array
from collections import UserDict
from collections.abc import Callable, Iterator
from pathlib import Path
from types import MappingProxyType, ModuleType, SimpleNamespace
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from unhurried import __version__
from unhurried.measure import _compiled, _queue, _store, measured, snapshot
from unhurried.measure import _request as measure
from unhurried.measure._paths import PATHS
from unhurried.measure._probes import sql
from unhurried.measure._record import YEAR, Record, SampledRecord, current
from unhurried.measure._units import active

ROOT = Path(__file__).parents[2]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """One that is installed, and none of ours so far."""
    made = ModuleType("unhurried_c")
    monkeypatch.setitem(sys.modules, "unhurried_c", made)
    monkeypatch.delenv("UNHURRIED_PURE", raising=False)
    monkeypatch.setattr(_compiled, "compiled", None)
    return made


def test_one_of_our_version_is_taken(module: Any) -> None:
    module.__version__ = __version__
    assert _compiled.find() is module


def test_of_another_version_it_is_left_alone_and_a_check_says_so(
    module: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    module.__version__ = "0.0.9"
    assert _compiled.find() is None
    call_command("check", "--tag=unhurried")
    said = capsys.readouterr().err
    assert (
        f"(unhurried.W102) unhurried_c is 0.0.9, unhurried {__version__}: it is left alone" in said
    )
    assert 'pip install --upgrade "unhurried[c]"' in said


def test_one_that_can_not_be_loaded_is_left_alone(
    module: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def find_spec(self, name: str, *args: object) -> None:
            if name == "unhurried_c":
                raise ImportError("undefined symbol: PyNothing")

    monkeypatch.delitem(sys.modules, "unhurried_c")
    monkeypatch.setattr(sys, "meta_path", [Broken(), *sys.meta_path])
    assert _compiled.find() is None
    problem = _compiled.problem()
    assert problem is not None
    assert "undefined symbol: PyNothing" in problem[0]


def test_the_environment_leaves_it_out(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module.__version__ = __version__
    monkeypatch.setenv("UNHURRIED_PURE", "1")
    assert _compiled.find() is None
    assert _compiled.problem() is None


def test_both_distributions_have_one_version() -> None:
    ours, its = (tomllib.loads((ROOT / path / "pyproject.toml").read_text()) for path in ("", "c"))
    assert ours["project"]["version"] == its["project"]["version"] == __version__
    assert ours["project"]["optional-dependencies"]["c"] == [f"unhurried-c=={__version__}"]
    [extension] = its["tool"]["setuptools"]["ext-modules"]
    assert extension["define-macros"] == [["UNHURRIED_VERSION", f'"{__version__}"']]
    assert sorted(extension["sources"]) == sorted(each.name for each in ROOT.glob("c/*.c"))


# From here on with the real one.

compiled = pytest.mark.compiled


@pytest.fixture
def c() -> Any:
    assert _compiled.compiled is not None, "make test C=1 builds it"
    return _compiled.compiled


@compiled
def test_it_is_what_measures(c: Any, client: Client, store: Path) -> None:
    assert issubclass(Record, c.Core)
    assert issubclass(SampledRecord, c.Sampled)
    client.get("/empty/")
    assert isinstance(_store.opened, c.Hot)


def run(script: str, *options: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, for what may end one."""
    return subprocess.run(
        [sys.executable, "-X", "faulthandler", *options, "-c", script],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
    )


def in_python(script: str, *args: str) -> Any:
    """What the same script prints where all is Python."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, *args],
        env={**os.environ, "UNHURRIED_PURE": "1", "DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


ROWS = """
import json, random, sys
from types import SimpleNamespace
from unhurried.measure import _layout as L
from unhurried.measure._record import Rare, Record
from unhurried.measure._rows import Route

def play(seed):
    draw, words = random.Random(seed), lambda n: memoryview(bytearray(8 * n)).cast("Q")
    row = Route(words(L.LANES), words(L.FINE_ROUTE))
    edges = [0, 1, 999, 1000, 1001, 2_500_000, 10**9, 3_600 * 10**9, 4_000 * 10**9, 10**15]
    ns = lambda: draw.choice([*edges, draw.randrange(10**12), int(10 ** draw.uniform(0, 15))])
    for _ in range(40):
        record = Record("request", "r/", SimpleNamespace())
        record.wall, record.cpu = max(ns(), 1), ns()
        record.parts = [ns() * draw.getrandbits(1) for _ in range(5)]
        record.queries = draw.choice([0, 0, 1, 2, 35, 63, 64, 65, 100, 1000, 10**6, 10**9])
        record.size = draw.randrange(10**9)
        record.status = draw.choice([0, 200, 204, 404, 418, 500, 599, 999])
        record.raised = bool(draw.getrandbits(1))
        record.connects, record.connecting = draw.randrange(3), ns()
        record.queued = draw.choice([None, ns()])
        if draw.getrandbits(1):
            record.rare = Rare()
            record.rare.rows, record.rare.overlap, record.rare.unsafe = 3, draw.randrange(-5, 5), 1
        record.row = draw.choice([None, row])
        row.write(record)
    return [row.lanes.tolist(), [(i, n) for i, n in enumerate(row.fine.tolist()) if n]]

if __name__ == "__main__":
    print(json.dumps([play(seed) for seed in range(int(sys.argv[1]))]))
"""


@compiled
def test_rows_are_written_as_in_python(c: Any) -> None:
    here: dict[str, Any] = {"__name__": "rows"}
    exec(ROWS, here)
    played = json.loads(json.dumps([here["play"](seed) for seed in range(60)]))
    assert played == in_python(ROWS, "60")


TIMELINE = """
import json, random, sys
from types import SimpleNamespace
from unhurried.measure._record import Record, SampledRecord

def play(seed):
    draw = random.Random(seed)
    record = draw.choice([Record, SampledRecord])("unit", "u", SimpleNamespace())
    told = []
    for _ in range(draw.randrange(200)):
        looks = draw.random()
        if looks < 0.03:
            told.append(list(record.stack))
        if looks > 0.98:
            record.stack.append(draw.randrange(1, 5))
        step = draw.choice(["enter", "enter", "leave"])
        try:
            getattr(record, step)(draw.randrange(5))
        except IndexError:
            told.append("nothing is open")
            break
        told.append([record.concurrent, len(record.stack) if draw.random() < 0.1 else 0])
    overlaps = record.rare is not None and record.rare.overlap > 0
    whole = sum(record.parts) == record.last - record.start
    return [told, list(record.stack), overlaps, whole]

if __name__ == "__main__":
    print(json.dumps([play(seed) for seed in range(int(sys.argv[1]))]))
"""


@compiled
def test_parts_are_opened_and_left_as_in_python(c: Any) -> None:
    here: dict[str, Any] = {"__name__": "timeline"}
    exec(TIMELINE, here)
    assert json.loads(json.dumps([here["play"](seed) for seed in range(300)])) == in_python(
        TIMELINE, "300"
    )


WRONG: list[Any] = [
    *(None, 0, -1, 1 << 70, 1.5, "", "SELECT 1", b"", (), [], {}, set(), object(), type),
    *(len, memoryview(b""), memoryview(bytearray(64)).cast("Q")),
]


@compiled
def test_nothing_it_is_given_ends_the_process(c: Any) -> None:
    """Each function, type and method with what it was not made for: an error, or nothing."""
    script = f"""
import random, sys
import django
django.setup()
from tests.measure.test_compiled import WRONG
from unhurried.measure._compiled import compiled as c
seed = {random.randrange(1 << 30)}
draw = random.Random(seed)
print("seed", seed)
tried = 0
def attempt(what, *args, **named):
    global tried
    tried += 1
    try:
        return what(*args, **named)
    except Exception:
        return None
names = [name for name in dir(c) if not name.endswith("_wire") and name[0] != "_"]
for _ in range(3000):
    what = getattr(c, draw.choice(names))
    args = [draw.choice(WRONG) for _ in range(draw.randrange(6))]
    made = attempt(what, *args)
    if made is None and isinstance(what, type):
        made = attempt(what.__new__, what)
    for name in dir(type(made)) if type(made).__module__ == "unhurried_c" else ():
        if name[:2] != "__" or name == "__call__":
            method = attempt(getattr, made, name)
            attempt(setattr, made, name, draw.choice(WRONG))
            attempt(delattr, made, name)
            if callable(method):
                attempt(method, *[draw.choice(WRONG) for _ in range(draw.randrange(3))])
for name in dir(c):
    if name.endswith("_wire"):
        for wrong in (*WRONG, {{key: None for key in ("tap", "nothing", "current")}}):
            attempt(getattr(c, name), wrong)
print(tried)
"""
    done = run(script)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[-1]) > 3000


@compiled
def test_it_serves_the_first_interpreter_alone(c: Any) -> None:
    """The second one says why, and measures in Python."""
    script = """
import sys
import unhurried_c
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
made = interpreters.create()
code = '''
import sys
sys.path[:] = {path!r}
try:
    import unhurried_c
except ImportError as error:
    assert "main interpreter" in str(error) or "subinterpreters" in str(error), error
else:
    raise AssertionError("it was loaded")
'''
failed = interpreters.run_string(made, code.format(path=sys.path))
print(failed)
"""
    done = run(script)
    assert (done.returncode, done.stdout.strip()) == (0, "None"), done.stderr


def growth(work: Callable[[], object], times: int) -> int:
    """Blocks of memory that are left behind, by so many more of the same."""
    for _ in range(times):
        work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(times):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before


@compiled
@pytest.mark.django_db
@pytest.mark.parametrize("url", ["/empty/", "/slow/", "/boom/", "/item/7/?page=2"])
def test_requests_leave_nothing_behind(
    c: Any, store: Path, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    """By Django's handler alone: its test client leaves sixteen blocks a request."""
    caplog.set_level("CRITICAL", "django.request")
    site = WSGIHandler()

    def ask() -> None:
        headers = {"x-request-start": "t=1700000000.5"}
        response = site(RequestFactory().get(url, headers=headers).environ, lambda *args: None)
        for _ in response:
            pass
        response.close()

    left = growth(ask, 300)
    assert left < 300, f"{left} blocks of 300 requests"


@compiled
@pytest.mark.django_db
def test_statements_leave_nothing_behind(c: Any, store: Path) -> None:
    def work() -> None:
        with measured("u"), connection.cursor() as cursor:
            cursor.execute("SELECT 1 UNION SELECT 2")
            cursor.fetchmany(10)
            cursor.execute("SELECT 1 UNION SELECT 2")
            try:
                cursor.execute("SELECT nothing")
            except DatabaseError:
                pass

    left = growth(work, 300)
    assert left < 300, f"{left} blocks of 300 units"


def records() -> int:
    kinds = map(type, gc.get_objects())  # some have a metaclass that hates to be compared
    return sum(kind is Record or kind is SampledRecord for kind in kinds)


@compiled
def test_records_that_know_each_other_are_collected(c: Any, store: Path) -> None:
    gc.collect()
    before = records()
    for kind in (Record, SampledRecord) * 50:
        record: Any = kind("unit", "u", _store.current())  # type: ignore[arg-type]
        record.pending = [record.close]
        record.statements = {"x": record}
    del record
    gc.collect()
    assert records() == before


@compiled
def test_words_are_added_as_python_adds_them(c: Any) -> None:
    for _ in range(200):
        parts = [
            (bytes(random.randrange(64)), array("Q", random.choices(range(2**40), k=50)))
            for _ in range(random.randrange(5))
        ]
        total, expected = array("Q", bytes(400)), [0] * 50
        for before, words in parts:
            used = random.randrange(51)
            c.add(total, before + words.tobytes(), len(before), 8 * used)
            expected = [n + m for n, m in zip(expected, [*words[:used], *[0] * 50], strict=False)]
        assert total.tolist() == expected


@compiled
@pytest.mark.parametrize(
    ("start", "size"),
    [(0, 408), (8, 400), (401, 0), (-8, 8), (0, -8), (0, 7), (2**63 - 1, 8), (8, 2**63 - 8)],
)
def test_what_is_not_there_is_not_added(c: Any, start: int, size: int) -> None:
    total, part = array("Q", range(50)), bytes(400)
    with pytest.raises(ValueError, match="not there"):
        c.add(total, part, start, size)
    for wrong in (bytes(400), memoryview(total)[::2], "text", None):
        with pytest.raises((TypeError, BufferError)):
            c.add(wrong, part, 0, 8)
    assert total.tolist() == [*range(50)]


@compiled
def test_threads_at_once_lose_no_request(c: Any, store: Path) -> None:
    client = Client()
    client.get("/empty/")
    start = threading.Barrier(9)  # coverage can't follow threads that begin in such a hurry

    def ask() -> None:
        start.wait(30)
        start.wait(30)
        for _ in range(100):
            client.get("/empty/")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    start.wait(30)
    switch = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        start.wait(30)
        for thread in threads:
            thread.join(60)
    finally:
        sys.setswitchinterval(switch)
    assert snapshot()["routes"]["empty/"]["requests"] == 801


@compiled
@pytest.mark.parametrize("known", [False, True])
def test_what_was_not_wired_says_so(c: Any, *, known: bool) -> None:
    """Where ``unhurried`` was not imported, or not to its end."""
    done = run(f"""
import contextvars
import unhurried_c as c
if {known}:
    c.record_wire(nothing={{}}, current=contextvars.ContextVar("x", default=None))
try:
    c.tap_wire(failed=1, find=1, tell_met=1, hear=1, nobody=1, observers=1, guards=1, unheard=1,
               most=1, tap=1)
except TypeError:
    pass
words = bytearray(0)
for call, *args in (
    (c.begin, 1), (c.tap, 1, 2, 3, 4, 5), (c.resolved, 1, 2, 3, 4), (c.end, 1, 2, 3), (c.call, 1),
    (c.connected,), (c.fetchmany, 1, 2), (c.Row, words, words),
):
    try:
        call(*args)
    except RuntimeError as error:
        print(error)
""")
    assert done.stdout.splitlines() == ["unhurried_c is nothing without unhurried"] * 8, done.stderr


HELD = """
import django
django.setup()
from unhurried.measure import _store
from unhurried.measure._compiled import compiled as c
from unhurried.measure._record import Record, Seen, current

class Leaves:
    '''Whatever is asked of it lets go of the record, as code of the site's may.'''
    def __getattr__(self, name):
        current.set(None)
        if name == "META":
            _store.forget()
        return answers.get(name, self)

answers = {
    "execute_wrappers": [c.tap], "unhurried_seen": Seen("", ""), "fetchmany": lambda size: [],
    "route": "empty/", "settings_dict": {"CONN_MAX_AGE": 0}, "close_at": 0.0,
    "META": {"REMOTE_ADDR": "10.0.0.1"},
}
store = _store.current()
store.route(("request", "empty/"))
leaves = Leaves()
for work in (
    lambda: c.fetchmany.__func__(leaves, 3),
    lambda: c.connected(connection=leaves),
    lambda: c.resolved(leaves, None, (), {}),
):
    for _ in range(50):
        current.set(Record("request", "(none)", store))
        work()
        assert current.get() is None
del store
for _ in range(50):
    _store.current()
    assert isinstance(c.begin(leaves), Record)
"""


@compiled
def test_what_is_let_go_of_meanwhile_is_held(c: Any) -> None:
    """The record that is under way, and the store, by code that is asked in the middle."""
    done = run(HELD, "-X", "dev")
    assert done.returncode == 0, done.stderr


LISTS = """
import gc, sys
from types import SimpleNamespace
from unhurried.measure._record import DB, Record

class Cycle:
    def __init__(self, record):
        self.me, self.record = self, record
    def __del__(self):
        for _ in range(10):
            self.record.enter(DB)
        asked.append(getattr(self.record, sys.argv[1]))

for _ in range(30):
    asked = []
    gc.disable()
    record = Record("unit", "u", SimpleNamespace())
    gc.collect()
    Cycle(record)
    gc.set_threshold(1)
    gc.enable()
    got = getattr(record, sys.argv[1])
    gc.collect()
    assert asked == [got] and asked[0] is got is getattr(record, sys.argv[1])
    assert len(record.stack) == 11 and sum(record.parts) == record.last - record.start
"""


@compiled
@pytest.mark.parametrize("name", ["stack", "parts"])
def test_a_list_that_is_made_while_garbage_is_collected_is_one(c: Any, name: str) -> None:
    """By a finalizer that opens parts, and asks for the same list, too."""
    done = run(LISTS.replace("sys.argv[1]", repr(name)), "-X", "dev")
    assert done.returncode == 0, done.stderr


DELETED = """
import sys
import django
django.setup()
from contextlib import suppress
from types import SimpleNamespace as Made
from django.http import HttpResponse
from django.test import RequestFactory
from unhurried.measure import _store
from unhurried.measure._compiled import compiled as c
from unhurried.measure._paths import PATHS
from unhurried.measure._probes import sql as probe
from unhurried.measure._record import Record, SampledRecord, Seen, current

probe.guards.clear()
sql, attribute = "SELECT 2", sys.argv[1]
driver = Made(fetchmany=lambda size: [])
cursor = Made(db=Made(alias="default"), cursor=driver, unhurried_seen=Seen("", ""))
link = Made(alias="default", execute_wrappers=[c.tap], settings_dict={"CONN_MAX_AGE": 0})
link.close_at = 0.0
context = {"connection": link, "cursor": cursor}
request = RequestFactory().get("/empty/?a=1", headers={"x-request-start": "t=1.5"})
request.resolver_match = Made(route="empty/")

def fresh(kind):
    _store.opened = None
    store = _store.current()
    row = store.route(("request", "empty/"))
    made = kind("request", "x", store)
    made.statements = {sql: Seen("default", sql)}
    current.set(made)
    for one in (made, store, made.statements[sql]):
        with suppress(AttributeError):
            delattr(one, attribute)
    return made, row

def end(made, row):
    made.row = row
    c.end(made, request, HttpResponse(b"x"))

for kind in (Record, SampledRecord):
    for work in (
        lambda made, row: c.tap(lambda *args: 1, sql, (), False, context),
        lambda made, row: c.tap(lambda *args: 1, "SELECT 1", (), False, context),
        lambda made, row: c.tap(lambda *args: 1 / 0, "SELECT 1", (), False, context),
        lambda made, row: c.fetchmany.__func__(cursor, 3),
        lambda made, row: c.connected(connection=link),
        lambda made, row: c.resolved(request, None, (), {}),
        lambda made, row: c.begin(request),
        lambda made, row: row.write(made),
        end,
    ):
        given = fresh(kind)
        with suppress(Exception):
            work(*given)
        current.set(None)
"""


@compiled
@pytest.mark.parametrize("name", ["name", "store", "statements", "client", "asked", "met", "alias"])
def test_an_attribute_that_was_deleted_ends_no_process(c: Any, name: str) -> None:
    done = run(DELETED.replace("sys.argv[1]", repr(name)))
    assert done.returncode == 0, done.stderr


class Odd(HttpResponse):
    """Its content is made when it is asked for, by ``make``."""

    make: Callable[[], bytes]

    @property
    def content(self) -> bytes:
        return type(self).make()

    @content.setter
    def content(self, value: object) -> None:
        pass


def begun() -> tuple[Any, HttpRequest]:
    """A record whose view is known, and its request."""
    request = RequestFactory().get("/empty/")
    record: Any = measure.begin(request)
    assert record is not None
    record.row = record.store.route(("request", "empty/"))
    return record, request


def answer(make: Callable[[], bytes]) -> Any:
    return type("Made", (Odd,), {"make": staticmethod(make)})()


@compiled
@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_worker_that_is_to_end_ends(c: Any, store: Path, error: type[BaseException]) -> None:
    """A signal's handler may raise wherever Python runs: while the content is made, say."""
    raised: list[int] = []

    def make() -> bytes:
        raised.append(1)
        if len(raised) == 1:
            raise error
        return b""

    record, request = begun()
    with pytest.raises(error):
        measure.end(record, request, answer(make))
    assert len(raised) == 1


@compiled
def test_what_is_counted_while_the_content_is_made_is_not_lost(c: Any, store: Path) -> None:
    record, request = begun()
    kept: list[int] = []

    def make() -> bytes:
        record.pending = [lambda: kept.append(1)]
        return b"made"

    measure.end(record, request, answer(make))
    assert (record.size, record.pending, kept) == (4, None, [1])


@compiled
def test_a_response_that_can_not_say_whether_it_is_rendered_is_told_of(c: Any, store: Path) -> None:
    class Unsure(Odd):
        @property
        def is_rendered(self) -> bool:
            raise ValueError("who knows")

    record, request = begun()
    made: Any = type("Made", (Unsure,), {"make": staticmethod(lambda: b"made")})()
    with pytest.raises(ValueError, match="who knows"):  # under STRICT
        measure.end(record, request, made)


@compiled
def test_a_count_below_nothing_is_written_nowhere_else(c: Any) -> None:
    done = run("""
from types import SimpleNamespace
from unhurried.measure import _layout as L
from unhurried.measure._record import Record
from unhurried.measure._rows import COARSE_QUERIES, QUERIES_MAX, Route
words = lambda n: memoryview(bytearray(8 * n)).cast("Q")
row = Route(words(L.LANES), words(L.FINE_ROUTE))
for count in (-1, -(10**9), -(1 << 62)):
    record = Record("request", "r/", SimpleNamespace())
    record.wall, record.status, record.queries = 1, 200, count
    row.write(record)
assert row.lanes[QUERIES_MAX] == 0
assert (row.lanes[COARSE_QUERIES], sum(row.fine)) == (3, 12)
""")
    assert done.returncode == 0, done.stderr


class Peer(str):
    __slots__ = ()


@compiled
@pytest.mark.parametrize(
    "meta",
    [
        {"HTTP_X_REQUEST_START": "t=1\0", "REMOTE_ADDR": "127.0.0.1"},
        {"HTTP_X_REQUEST_START": "\0", "REMOTE_ADDR": "127.0.0.1"},
        {"REMOTE_ADDR": Peer("203.0.113.7")},
        {"REMOTE_ADDR": None},
        {"REMOTE_ADDR": ""},
        {},
        {"REMOTE_ADDR": Peer("203.0.113.7"), "HTTP_X_FORWARDED_FOR": "198.51.100.1"},
    ],
    ids=repr,
)
def test_who_asks_and_since_when_is_read_as_in_python(
    c: Any, store: Path, meta: dict[str, Any]
) -> None:
    """A client that a server writes as a kind of string of its own is no proxy for that."""
    stamp = meta.get("HTTP_X_REQUEST_START", "").partition("\0")
    header = f"t={time.time() - 5}{''.join(stamp[1:])}"
    request = RequestFactory().get("/empty/")
    opened = _store.current()
    assert opened is not None
    assert opened.clients is not None
    for peer in ("", "203.0.113.7", "127.0.0.1"):
        opened.clients.of({"REMOTE_ADDR": peer})
    request.META = {**meta, "HTTP_X_REQUEST_START": header}
    record: Any = measure.begin(request)
    assert record.client == opened.clients.of(request.META)
    waited = _queue.waited(request.META)
    assert (record.queued is None) == (waited is None)


@compiled
@pytest.mark.parametrize(
    "age", [float("inf"), float("nan"), 1e300, -1e300, 10**18, -(10**18)], ids=repr
)
@pytest.mark.parametrize("closes", [0.0, None, "then"])
def test_a_connection_may_live_for_ever(c: Any, store: Path, age: float, closes: Any) -> None:
    """As Django takes any number for ``CONN_MAX_AGE``, the infinite, too."""
    link = SimpleNamespace(
        execute_wrappers=[c.tap],
        settings_dict={"CONN_MAX_AGE": age},
        close_at=time.monotonic() + age if closes == "then" else closes,
    )
    with measured("u"):
        record: Any = current.get()
        c.connected(connection=link)
    assert record.connects == 1
    assert 0 <= record.connecting < YEAR
    assert 0 <= sql._took(link) < YEAR  # type: ignore[arg-type]


@compiled
def test_an_end_that_stands_for_itself_ends(c: Any) -> None:
    done = run("""
from types import SimpleNamespace
import unhurried_c as c
for dirty in (False, True):
    ending = c.Ending(None, None, None)
    ending.__init__(SimpleNamespace(dirty=dirty), ending, ending)
    try:
        ending()
    except RecursionError as error:
        print(error)
""")
    assert done.stdout.count("maximum recursion depth exceeded") == 2, done.stderr


@pytest.fixture
def unguarded() -> Iterator[None]:
    """Nobody hears of statements, so that they take the compiled road."""
    guards = sql.guards.copy()
    sql.guards.clear()
    yield
    sql.guards.extend(guards)


@compiled
def test_a_sampled_statement_is_kept_before_it_is_heard_of_and_after_it_has_failed(
    c: Any, store: Path, unguarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ``_step_by_step`` does: who hears of a repeat may ask in turn, and that came later."""
    lengths: list[int] = []
    record: Any = SampledRecord("unit", "u", _store.current())  # type: ignore[arg-type]
    cursor: Any = SimpleNamespace(db=SimpleNamespace(alias="default"))
    context = {"connection": cursor.db, "cursor": cursor}
    heard = [lambda record, seen: lengths.append(len(record.timeline))]
    monkeypatch.setattr("unhurried.measure._statements.repeated", heard)

    def refuse(*args: object) -> None:
        raise DatabaseError("no")

    with active(record):
        for _ in range(3):
            c.tap(lambda *args: None, "SELECT 1", (), False, context)
        with pytest.raises(DatabaseError):
            c.tap(refuse, "SELECT 2", (), False, context)
    assert lengths == [3]
    assert cursor.unhurried_seen is record.statements["SELECT 2"] is record.timeline[3][2]


@compiled
@pytest.mark.parametrize("made", [dict, UserDict, lambda meta: MappingProxyType(dict(meta))])
def test_paths_are_counted_whatever_the_headers_are_in(
    c: Any, store: Path, monkeypatch: pytest.MonkeyPatch, made: Callable[[Any], Any]
) -> None:
    monkeypatch.setattr("unhurried.measure._paths.ONE_IN", 1)
    record, request = begun()
    row, record.row = record.row, None
    request.resolver_match = SimpleNamespace(route="empty/")  # type: ignore[assignment]
    request.META = made({**request.META, "QUERY_STRING": "a=1"})
    with active(record):
        measure.resolved(request, None, (), {})
    assert record.row is row
    assert row.lanes[PATHS] == 1


@compiled
def test_a_stack_that_is_replaced_while_it_is_looked_at_is_held(c: Any) -> None:
    done = run(
        """
from types import SimpleNamespace
from unhurried.measure._record import CACHE, DB, Record

class Part:
    def __index__(self):
        record.stack = [0]
        return DB

for part in (DB, CACHE):
    record = Record("unit", "u", SimpleNamespace())
    record.stack = [Part(), 3]
    record.leave(part)
    assert record.stack == [0]
""",
        *("-X", "dev"),
    )
    assert done.returncode == 0, done.stderr


@compiled
def test_a_long_chain_of_notes_is_let_go_of(c: Any) -> None:
    done = run("""
from unhurried.measure._record import Seen
last = None
for _ in range(1_000_000):
    seen = Seen("default", "SELECT 1")
    seen.note, last = last, seen
del seen, last
""")
    assert done.returncode == 0, done.stderr


@compiled
def test_an_alias_that_can_not_be_compared_is_an_error(
    c: Any, store: Path, unguarded: None
) -> None:
    """And not a result with an error set, which is another one later on."""

    class Odd:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            raise ValueError("who knows")

    record: Any = Record("unit", "u", _store.current())  # type: ignore[arg-type]
    cursor: Any = SimpleNamespace(db=SimpleNamespace(alias="default"))
    context = {"connection": cursor.db, "cursor": cursor}
    with active(record):
        c.tap(lambda *args: None, "SELECT 1", (), False, context)
        cursor.db.alias = Odd()
        with pytest.raises(ValueError, match="who knows"):
            c.tap(lambda *args: None, "SELECT 1", (), False, context)


@compiled
def test_a_request_is_asked_without_the_lock(c: Any, store: Path) -> None:
    """Its method may be a property of the site's, which waits for a thread that counts, too."""

    class Asked(WSGIRequest):
        @property
        def method(self) -> str:
            thread = threading.Thread(target=count)
            thread.start()
            thread.join()
            return "GET"

        @method.setter
        def method(self, value: str) -> None:
            pass

    taken: list[bool] = []
    record, request = begun()
    lock, record.row = record.store.lock, None

    def count() -> None:
        taken.append(lock.acquire(timeout=30))
        if taken[-1]:
            lock.release()

    made = Asked(request.environ)  # type: ignore[attr-defined]
    made.resolver_match = SimpleNamespace(route="empty/")  # type: ignore[assignment]
    with active(record):
        measure.resolved(made, None, (), {})
    assert taken == [True]
