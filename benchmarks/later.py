"""What a deferred write costs, beside the plain one, django-tasks-db and Celery.

    .venvs/dev-3.11/bin/python benchmarks/later.py

200 requests of 20 messages each: all received already; each its own, none received; the same 20
each time. Each way has a process and a database of its own. CPU is that of the process, without the
database server's; *call* is the median that a request itself spends on it, *in all* includes what
is done behind it. A/A is the request that marks nothing, twice.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from tests import servers  # noqa: E402

CASES = {
    "received": "all received already",
    "distinct": "each request 20 rows of its own, which really change",
    "same": "the same 20 rows, 200 times",
}
WAYS = ("nothing", "again", "inline", "guarded", "later", "tasks_db", "celery")
QUIET = ("autovacuum=off", "checkpoint_timeout=1h", "wal_level=minimal", "max_wal_senders=0")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, help="taken and ignored: requests are counted")
    parser.add_argument("--data", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--case", choices=list(CASES), action="append")
    options = parser.parse_args()
    cases = options.case or list(CASES)
    right = True
    for data in options.data or ["sqlite", "postgresql"]:
        if data == "sqlite":
            right &= all([compare(case, "SQLite", sqlite) for case in cases])  # noqa: C419 - all are shown
            continue
        with servers.postgres("fsync=off", *QUIET) as server:
            right &= all([compare(case, "PostgreSQL", Databases(server.port)) for case in cases])  # noqa: C419 - all are shown
    return int(not right)


def sqlite(name: str) -> dict[str, Any]:
    folder = tempfile.mkdtemp(prefix="unhurried-later-")
    options = {"init_command": "PRAGMA journal_mode=WAL;", "transaction_mode": "IMMEDIATE"}
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": f"{folder}/{name}.sqlite3",
        "OPTIONS": options,
    }


class Databases:
    """Makes one of a server's."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __call__(self, name: str) -> dict[str, Any]:
        import psycopg

        at = {"host": "127.0.0.1", "port": self.port, "user": "postgres"}
        with psycopg.connect(**at, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": name,
            "USER": "postgres",
            "HOST": "127.0.0.1",
            "PORT": self.port,
        }


def run(way: str, case: str, place: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, str(Path(__file__).with_name("_later_ways.py"))]
    done = subprocess.run(
        [*command, way, case, json.dumps(place)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        check=False,
    )
    if done.returncode:
        return {"error": (done.stderr.strip().splitlines() or ["?"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(case: str, name: str, place: Any) -> bool:
    """One table, and where we lose; whether ours did what it was asked for."""
    print(f"\n{name}: {CASES[case]}")
    print(
        f"{'':12}{'statements':>11}{'of writing':>11}{'call, us':>10}"
        f"{'in all, us':>11}{'WAL, kB':>9}"
    )
    told = {way: run(way, case, place(f"{case}_{way}")) for way in WAYS}
    for way, found in told.items():
        print(row(way, found))
    ours = told["later"]
    if "error" in ours:
        return False
    print(lost(ours, told))
    return bool(ours["right"])


def row(way: str, found: dict[str, Any]) -> str:
    if "error" in found:
        return f"{way:12}did not run: {found['error'][:90]}"
    wal = "" if found["wal"] is None else f"{found['wal'] / 1000:.1f}"
    wrong = "" if found["right"] else "  NOT ALL MARKED"
    return (
        f"{way:12}{found['statements']:>11}{found['writes']:>11}{found['call']:>10.0f}"
        f"{found['cpu']:>11.0f}{wal:>9}{wrong}"
    )


def lost(ours: dict[str, Any], told: dict[str, dict[str, Any]]) -> str:
    found = []
    for way in WAYS[2:]:
        theirs = told[way]
        if way == "later" or "error" in theirs:
            continue
        found += [
            f"{key} {ours[key] / theirs[key]:.2f} x {way}"
            for key in ("statements", "call", "cpu", "wal")
            if theirs[key] and ours[key] > theirs[key] * 1.05
        ]
    return "  later loses: " + ("; ".join(found) or "nowhere")


if __name__ == "__main__":
    sys.exit(main())
