"""The means: what is put into a run, or beside it, and taken out again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from .neighbours import busy, neighbour, slow_network
from .rig import Means, Stage, url
from .visitors import Crowd

ABUSER = "5.45.207.3"
FLOODERS = 4

SLOWPOKE = '''"""Charges cards, after a while."""

import time


def charge(cents):
    """A receipt."""
    time.sleep(0.06)
    return f"{cents} cents"
'''
METADATA = "Metadata-Version: 2.1\nName: slowpoke\nVersion: 1.4.2\n"
RECORD = "slowpoke/__init__.py,,\nslowpoke-1.4.2.dist-info/METADATA,,\n"


def environment(**names: str) -> Means:
    @contextmanager
    def means(stage: Stage) -> Iterator[None]:
        stage.environment.update(names)
        yield

    return means


def workers(number: int, threads: int) -> Means:
    @contextmanager
    def means(stage: Stage) -> Iterator[None]:
        stage.workers, stage.threads = number, threads
        yield

    return means


def network(seconds: float) -> Means:
    """Between the site and its database, each direction."""

    @contextmanager
    def means(stage: Stage) -> Iterator[None]:
        with slow_network(stage.rig.postgres.port, seconds) as (port, stage.seen.delayed):
            stage.environment["DATABASE_URL"] = url(port)
            yield

    return means


@contextmanager
def trigrams(stage: Stage) -> Iterator[None]:
    """What finds a word within a text without reading all of them."""
    import psycopg  # optional, and only here

    with psycopg.connect(url(stage.rig.postgres.port), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        connection.execute("CREATE INDEX grams ON planted_visit USING gin (page gin_trgm_ops)")
        connection.execute("VACUUM ANALYZE planted_visit")
        yield
        connection.execute("DROP INDEX grams")


@contextmanager
def package(stage: Stage) -> Iterator[None]:
    """Installed as pip would: a package and its dist-info, in a folder named site-packages."""
    with TemporaryDirectory(dir=stage.rig.folder) as name:
        place = Path(name) / "site-packages"
        (place / "slowpoke").mkdir(parents=True)
        (place / "slowpoke" / "__init__.py").write_text(SLOWPOKE)
        info = place / "slowpoke-1.4.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(METADATA)
        (info / "RECORD").write_text(RECORD)
        (info / "top_level.txt").write_text("slowpoke\n")
        before = stage.environment["PYTHONPATH"]
        stage.environment["PYTHONPATH"] = os.pathsep.join([before, str(place)])
        yield


@contextmanager
def neighbours(stage: Stage) -> Iterator[None]:
    with busy(24):
        yield


@contextmanager
def locks(stage: Stage) -> Iterator[None]:
    with neighbour("hold", url(stage.rig.postgres.port), 5, 0.2, 0.03):
        yield


def flood(pages: dict[str, int], think: float = 0.0) -> Means:
    """One address that asks as fast as it is answered."""

    @contextmanager
    def means(stage: Stage) -> Iterator[None]:
        cookies = [""] * FLOODERS
        crowd = Crowd(stage.port, stage.rig.site, pages, cookies, [ABUSER] * FLOODERS, think)
        with crowd.visiting(stage.seconds):
            yield
        stage.seen.flood = crowd.answers

    return means
