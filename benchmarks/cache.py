"""What a kept page costs, who computes it, and whether it is right: ours beside its peers.

    make bench BENCH=cache                              all of it, about 9 minutes
    .venvs/dev-3.11/bin/python benchmarks/cache.py --only hits --seconds 5

Method: one page of 20 KB made of ten tables, SQLite, startproject's middleware, a real Redis and a
real memcached. Django's handler is called in process; what is judged is the process' CPU (all of
its threads), whose ratios stand still where seconds do not. Each tool has a process and a copy of
the data of its own; blocks of requests alternate, in random order, with blocks of the process that
it is compared with; the median of the ratios counts, and A/A is a second such process. What is to
be compared within a few per cent (a tagged hit with a plain one, a miss with the view) alternates
within one process. "After a write": the forms of a write (save(), update(), raw SQL) after which
the old page is served. "To others": whether bob reads ann's name on a page that greets its user.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

import _cache_child  # noqa: E402
import _cache_parts  # noqa: E402
import _cache_process  # noqa: E402
import redis  # noqa: E402
from cache_site import tools  # noqa: E402
from cache_site.setup import Place  # noqa: E402

from tests import servers  # noqa: E402

PARTS: dict[str, Callable[..., None]] = {
    "hits": _cache_parts.hits,
    "get": _cache_parts.get,
    "misses": _cache_parts.misses,
    "crowd": _cache_parts.crowd,
    "writes": _cache_parts.writes,
}
TOOLS = {
    "prepare": {"no tool": tools.UNTOUCHED},
    "pages": {"no tool": tools.UNTOUCHED, **tools.HITS},
    "get": tools.GETS,
    "crowd": tools.CROWDS,
    "writes": tools.WRITERS,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0, help="per row")
    parser.add_argument("--only", choices=list(PARTS))
    parser.add_argument("--tool", help="only tools whose name has this in it")
    parser.add_argument("--readers", type=int, default=500)
    parser.add_argument("--entries", type=int, default=50_000)
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        return child(*options.child)
    import django

    print(f"Python {sys.version.split()[0]}, Django {django.__version__}")
    with Stage() as stage:
        for name in [options.only] if options.only else PARTS:
            PARTS[name](stage, options)


def child(kind: str, tool: str, place: str) -> None:
    made = _cache_child.KINDS[kind](TOOLS[kind][tool], Place(**json.loads(place)))
    _cache_process.serve(made)


class Stage(contextlib.ExitStack):
    """The servers, the database that is copied, and a place for each process."""

    def __enter__(self) -> Stage:
        super().__enter__()
        self.redis = self.enter_context(servers.redis())
        self.memcached = self.enter_context(servers.memcached())
        self.numbers = set(range(16))  # Redis' databases
        folder = self.folder(self)
        self.pristine = Path(folder) / "bench.sqlite3"
        with _cache_process.Child("prepare", "no tool", Place(folder)) as made:
            self.cookies = made.ask("cookies")
        return self

    def folder(self, stack: contextlib.ExitStack) -> str:
        """In memory where there is such a place: disks are not what is measured."""
        shm = Path("/dev/shm")
        folder = tempfile.mkdtemp(prefix="unhurried-bench-", dir=shm if shm.exists() else None)
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        return folder

    @contextlib.contextmanager
    def place(self) -> Iterator[Place]:
        """A copy of the data, a prefix of memcached's, a database of Redis, emptied after."""
        number = self.numbers.pop()
        with contextlib.ExitStack() as stack:
            folder = self.folder(stack)
            shutil.copy(self.pristine, folder)
            yield Place(folder, self.redis.port, self.memcached.port, number=number)
        redis.Redis(port=self.redis.port, db=number).flushdb()
        self.numbers.add(number)

    @contextlib.contextmanager
    def child(self, kind: str, tool: str) -> Iterator[_cache_process.Child]:
        with self.place() as place, _cache_process.Child(kind, tool, place) as child:
            yield child


if __name__ == "__main__":
    main()
