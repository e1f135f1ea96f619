"""One database for all runs; for each a fresh store, real workers, visitors, and the verdict."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import servers
from unhurried.measure._layout import VERSION

from .gunicorn_conf import READY
from .truths import Seen
from .visitors import POSTED, Crowd, path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SCALE, VISITS = 0.2, 800_000
NAME = "faults"
#: In no block that is reserved: what is not public may be a proxy's.
ADDRESSES = [f"81.2.69.{n}" for n in range(10, 40)]
START = 60  # seconds
LAYOUT = f"v{VERSION}"


@dataclass
class Stage:
    """One run as it is being set up: what a fault may change, and what it leaves for its truth."""

    rig: Rig
    environment: dict[str, str]
    seconds: float
    workers: int = 2
    threads: int = 4
    port: int = 0
    seen: Seen = field(default_factory=Seen)


#: Entered before the site is started, or while it is visited.
Means = Callable[[Stage], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Rig:
    """PostgreSQL with the site's rows; ``site`` is what ``planted.prepare`` has said of them."""

    postgres: servers.Server
    folder: Path
    site: dict[str, Any]

    def stage(self, seconds: float) -> Stage:
        return Stage(self, environment(self.postgres.port, self.folder), seconds)

    @contextmanager
    def serving(self, stage: Stage) -> Iterator[None]:
        """gunicorn, all its workers warm, with a store of its own that is gone after."""
        stage.port = servers.free_port()
        with tempfile.TemporaryDirectory(dir=self.folder) as name:
            store = Path(name) / "store"
            stage.environment["FAULTS_STORE"] = str(store)
            _copy_tokens(self.folder, store / LAYOUT)
            argv = [sys.executable, "-m", "gunicorn", "planted.wsgi"]
            argv += ["-c", str(HERE / "gunicorn_conf.py"), "-b", f"127.0.0.1:{stage.port}"]
            argv += ["-w", str(stage.workers), "--threads", str(stage.threads)]
            with servers._running(
                argv, stage.port, Path(name), environment=stage.environment
            ) as server:
                _await_workers(server, stage.workers)
                yield
            _copy_tokens(store / LAYOUT, self.folder)

    def warming(self, pages: Iterable[str]) -> dict[str, str]:
        """Of the site's processes: that each visits these pages first, but those that write."""
        rng = random.Random(0)
        paths = " ".join(path(page, self.site, rng) for page in pages if page not in POSTED)
        return {"FAULTS_WARM": paths, "FAULTS_COOKIE": self.site["cookies"]["signed"][0]}

    def crowd(
        self, stage: Stage, pages: dict[str, int], think: float, visitors: int, seed: int
    ) -> Crowd:
        """At most six people, behind thirty addresses."""
        engine = "db" if stage.environment.get("FAULTS_SESSIONS") else "signed"
        cookies = self.site["cookies"][engine][:visitors]
        return Crowd(stage.port, self.site, pages, cookies, ADDRESSES, think, seed)

    def verdict(self, stage: Stage, options: Sequence[str] = ()) -> dict[str, Any] | str:
        """What ``diagnose`` says; where it says nothing, why."""
        argv = [sys.executable, "-m", "django", "unhurried", "diagnose", "--json", *options]
        done = subprocess.run(
            argv,
            cwd=self.folder,
            env={**os.environ, **stage.environment},
            capture_output=True,
            text=True,
            timeout=START,
            check=False,
        )
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"exited with {done.returncode}"])[-1]
        return dict(json.loads(done.stdout))

    def keep(self, stage: Stage, to: Path) -> None:
        """The run's store, for who wants to look into it."""
        shutil.copytree(stage.environment["FAULTS_STORE"], to, dirs_exist_ok=True)


@contextmanager
def rig(scale: float = SCALE, visits: int = VISITS) -> Iterator[Rig]:
    """Ready in some ten seconds. Start it from the main thread, as all of ``servers``."""
    with ExitStack() as stack:
        # A bench need not survive the power going; and no plan may depend on who else is busy.
        options = ("fsync=off", "synchronous_commit=off", "max_parallel_workers_per_gather=0")
        postgres = stack.enter_context(servers.postgres(*options, "jit=off", "autovacuum=off"))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        _create_database(postgres.port)
        yield Rig(postgres, folder, _prepared(postgres.port, folder, scale, visits))


def url(port: int) -> str:
    return f"postgres://postgres:none@127.0.0.1:{port}/{NAME}"


def environment(port: int, folder: Path) -> dict[str, str]:
    """Of the site's processes; the database is behind ``port``."""
    given = filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))
    paths = [*map(os.path.abspath, given), HERE / "site", ROOT / "example", ROOT / "src"]
    return {
        "DATABASE_URL": url(port),
        "DJANGO_SETTINGS_MODULE": "planted.settings",
        "PINSTA_DATA": str(folder),
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def _create_database(port: int) -> None:
    import psycopg  # optional, and only here

    where = {"host": "127.0.0.1", "port": port, "user": "postgres"}
    with psycopg.connect(**where, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {NAME}")


def _prepared(port: int, folder: Path, scale: float, visits: int) -> dict[str, Any]:
    argv = [sys.executable, "-m", "planted.prepare", str(scale), str(visits)]
    done = subprocess.run(
        argv,
        cwd=folder,
        env={**os.environ, **environment(port, folder)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if done.returncode:
        raise servers.ServerError(f"The site could not be prepared:\n{done.stderr[-3000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _copy_tokens(here: Path, there: Path) -> None:
    """So that pages that an earlier run has kept are kept in the next one, too."""
    if (here / "tokens").exists():
        for folder in (there.parent, there):
            folder.mkdir(0o700, exist_ok=True)
        shutil.copy2(here / "tokens", there / "tokens")


def _await_workers(server: servers.Server, number: int) -> None:
    deadline = time.monotonic() + START
    while server.log.count(READY) < number:
        if time.monotonic() > deadline:
            raise servers.ServerError(f"No {number} workers in {START} s:\n{server.log[-3000:]}")
        time.sleep(0.05)
