"""The catalogue: to read it takes no snapshot of the page's own; and each is taken for itself."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from django.core import checks
from django.db import connection, connections, transaction

from unhurried.cache import cached
from unhurried.cache._sql import Catalogue, tables_of
from unhurried.cache._units import _catalogues
from unhurried.cache._units._ties import Ties
from unhurried.cache._units._touching import touched


@pytest.fixture
def file_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, django_db_blocker: Any) -> Any:
    place = {**connections.settings["default"], "NAME": tmp_path / "data.sqlite"}
    monkeypatch.setitem(connections.settings, "file", place)
    with django_db_blocker.unblock():
        with connections["file"].cursor() as cursor:
            cursor.execute("PRAGMA journal_mode = wal")
            cursor.execute("CREATE TABLE thing (n int)")
        yield connections["file"]
        connections["file"].close()
        del connections["file"]


def test_the_first_write_waits_for_another_writer(file_database: Any) -> None:
    _catalogues.forget("file")
    other = sqlite3.connect(
        file_database.settings_dict["NAME"], isolation_level=None, check_same_thread=False
    )
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO thing VALUES (1)")
    commit = Timer(0.3, other.execute, ["COMMIT"])
    commit.start()
    with transaction.atomic(using="file"), file_database.cursor() as cursor:
        cursor.execute("INSERT INTO thing VALUES (2)")
    commit.join()
    assert other.execute("SELECT count(*) FROM thing").fetchone() == (2,)
    other.close()


def test_what_one_catalogue_says_is_not_taken_for_the_next_ones(monkeypatch: Any) -> None:
    """That one is gone, and the next may come to lie in its place in memory."""
    here: dict[str, Catalogue] = {}
    monkeypatch.setattr(_catalogues, "_read", here)
    found, ties = tables_of("SELECT * FROM shown", connection.vendor), Ties(connection.alias)
    for number in range(50):
        below = {"shown": {f"below_{number}"}}, {}
        here[connection.alias] = Catalogue(*below)
        read = touched(connection, ties, found).read
        assert read == {"default:shown", f"default:below_{number}", "default:*"}
        del here[connection.alias]


def test_a_trigger_that_nobody_understands_stops_no_migration(monkeypatch: Any) -> None:
    """``migrate`` and ``test`` run these checks, and stop at an error; this is slow, and safe."""
    cached(600, key="beside-a-trigger")(lambda: 1)
    monkeypatch.setattr(_catalogues, "_read", {"default": Catalogue(opaque=("shop_book",))})
    said = checks.run_checks(tags=[checks.Tags.database], databases=["default"])
    [found] = [each for each in said if str(each.id).startswith("unhurried")]
    assert (found.id, found.level) == ("unhurried.W208", checks.WARNING)
    assert "shop_book" in found.msg
    assert "TRIGGERS" in found.hint
