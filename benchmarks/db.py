"""Rows in and rows out, beside the ORM and beside what else there is (slides 48 and 49).

    .venvs/dev-3.11/bin/python benchmarks/db.py

Each table is of one process; its ways alternate, and the median of their rounds is told. Writing
is told by the wall, with PostgreSQL on this machine and `fsync` as it is by default; reading and
single statements by the CPU of this process, which is what a web worker runs out of. The first way
comes twice: that is A/A.
"""

from __future__ import annotations

import argparse
import csv
import gc
import io
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import make_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from tests import servers  # noqa: E402

FIELDS = ["n", "text", "short", "moment", "price", "data", "flag", "author_id"]
TABLES = ("in", "million", "out", "single")
Ways = dict[str, Callable[[], Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, help="taken and ignored: rounds are counted")
    parser.add_argument("--data", choices=["sqlite", "postgresql"], action="append")
    parser.add_argument("--table", choices=TABLES, action="append")
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--here", help=argparse.SUPPRESS)  # in a process of its own: a table
    options = parser.parse_args()
    if options.here:
        return here(json.loads(options.here), options)
    worst = 0
    for data in options.data or ["sqlite", "postgresql"]:
        for table in options.table or TABLES:
            worst |= on(data, table, options)
    return worst


def on(data: str, table: str, options: Any) -> int:
    if data == "sqlite":
        with tempfile.TemporaryDirectory(prefix="unhurried-bench-") as folder:
            place = {"ENGINE": "django.db.backends.sqlite3", "NAME": f"{folder}/db.sqlite3"}
            return child(place, table, options)
    with servers.postgres() as server:
        place = {"ENGINE": "django.db.backends.postgresql", "NAME": "postgres"}
        place |= {"USER": "postgres", "HOST": "127.0.0.1", "PORT": server.port}
        return child(place, table, options)


def child(place: dict[str, Any], table: str, options: Any) -> int:
    what = json.dumps({"place": place, "table": table})
    argv = [sys.executable, __file__, "--here", what, f"--rows={options.rows}"]
    path = f"{ROOT}:{ROOT / 'src'}:{ROOT / 'benchmarks'}"
    return subprocess.run(
        [*argv, f"--rounds={options.rounds}"], env={**os.environ, "PYTHONPATH": path}, check=False
    ).returncode


def here(what: dict[str, Any], options: Any) -> int:
    import django
    from django.conf import settings

    settings.configure(
        SECRET_KEY="bench",
        USE_TZ=True,
        DATABASES={"default": what["place"]},
        INSTALLED_APPS=["django.contrib.contenttypes", "unhurried", "benchmarks.db_site"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        UNHURRIED={"MEASURE": False},
    )
    django.setup()
    from django.db import connection

    from benchmarks.db_site import models

    with connection.schema_editor() as editor:
        for model in (models.Author, models.Row, models.Unique):
            editor.create_model(model)
    models.Author.objects.bulk_create(models.Author(name=str(n)) for n in range(50))
    postgres = connection.vendor == "postgresql"
    print(f"\n{connection.display_name}, {TITLES[what['table']].format(rows=options.rows)}")
    {"in": rows_in, "million": million, "out": rows_out, "single": single}[what["table"]](
        options, what["place"], postgres=postgres
    )
    return 0


TITLES = {
    "in": "{rows:,} rows in (slide 49)",
    "million": "1,000,000 rows from a generator",
    "out": "{rows:,} rows out (slide 48)",
    "single": "one statement at a time (slide 48)",
}


def rows_of(count: int) -> list[tuple[Any, ...]]:
    text = "a text with\ttab and \\ and\nnewline " + "x" * 80
    moment = datetime(2026, 11, 25, 12, 0, 0, 123456, tzinfo=UTC)
    price = Decimal("12.34")
    return [
        (n, text, f"short {n % 1000}", moment, price, {"a": n, "b": "x\\y"}, n % 2 == 0, n % 50 + 1)
        for n in range(count)
    ]


# --- rows in ---------------------------------------------------------------------------------


def rows_in(options: Any, place: dict[str, Any], *, postgres: bool) -> None:
    from django.db import connection, transaction

    from benchmarks.db_site.models import Row
    from unhurried.db import bulk_copy

    rows = rows_of(options.rows)
    few = rows[: options.rows // 20]
    dicts = [dict(zip(FIELDS, row, strict=True)) for row in rows]

    def made(part: Any = rows) -> list[Row]:
        return [Row(**dict(zip(FIELDS, row, strict=True))) for row in part]

    def loop() -> None:
        for row in few:
            Row.objects.create(**dict(zip(FIELDS, row, strict=True)))

    def in_one_transaction() -> None:
        with transaction.atomic():
            loop()

    ways: Ways = {
        "bulk_create": lambda: Row.objects.bulk_create(made()),
        "bulk_create again": lambda: Row.objects.bulk_create(made()),
        "1 create() in a loop": loop,
        "2 in one transaction": in_one_transaction,
        "bulk_create, 1000 at a time": lambda: Row.objects.bulk_create(made(), batch_size=1000),
        "bulk_copy": lambda: bulk_copy(Row, rows, fields=FIELDS),
        "bulk_copy of dicts": lambda: bulk_copy(Row, dicts),
        "bulk_copy of instances": lambda: bulk_copy(Row, made()),
        "bulk_copy, keys back": lambda: bulk_copy(Row, rows, fields=FIELDS, returning="pks"),
    }
    sizes = dict.fromkeys(("1 create() in a loop", "2 in one transaction"), len(few))
    if postgres:
        ways |= peers_in(rows, place, made)
    else:
        sql = f"INSERT INTO db_site_row ({', '.join(FIELDS)}) VALUES ({', '.join('?' * 8)})"
        ready = [
            (*row[:3], str(row[3].replace(tzinfo=None)), str(row[4]), json.dumps(row[5]), *row[6:])
            for row in rows
        ]

        def executemany() -> None:
            with transaction.atomic():
                connection.connection.executemany(sql, ready)

        ways["the limit: executemany of ready rows"] = executemany
    told = measured(ways, options.rounds, time.perf_counter, before=empty)
    for name, seconds in told.items():
        told[name] = seconds / sizes.get(name, len(rows))
    print(f"  {'':38}{'rows/s':>9}{'/ bulk_create':>15}")
    for name, each in told.items():
        print(f"  {name:38}{1 / each:>9,.0f}{told['bulk_create'] / each:>15.2f}")


def empty() -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("TRUNCATE db_site_row")
        else:
            cursor.execute("DELETE FROM db_site_row")


def peers_in(rows: Any, place: dict[str, Any], made: Any) -> Ways:
    """Other roads of PostgreSQL's: psycopg by hand, the packages, and what psql itself does."""
    import pgbulk
    from django.db import connection, transaction
    from postgres_copy import CopyMapping
    from psycopg.types.json import Jsonb

    from benchmarks.db_site.models import Row

    columns = ", ".join(FIELDS)
    file = Path(tempfile.mkdtemp(prefix="unhurried-bench-")) / "rows.csv"

    def write_csv() -> None:
        with file.open("w", newline="") as out:
            writer = csv.writer(out)
            writer.writerow(FIELDS)
            writer.writerows((*row[:5], json.dumps(row[5]), *row[6:]) for row in rows)

    @contextmanager
    def copying() -> Iterator[Any]:
        sql = f"COPY db_site_row ({columns}) FROM STDIN"
        with transaction.atomic(), connection.cursor() as cursor, cursor.copy(sql) as copy:
            yield copy

    def write_row() -> None:
        with copying() as copy:
            for row in rows:
                copy.write_row((*row[:5], Jsonb(row[5]), *row[6:]))

    def mapped() -> None:
        write_csv()
        mapping = {("author" if name == "author_id" else name): name for name in FIELDS}
        CopyMapping(Row, str(file), mapping).save(silent=True, stream=io.StringIO())

    write_csv()
    text = buffer(rows)

    def limit() -> None:
        with copying() as copy:
            copy.write(text)

    def psql() -> None:
        command = f"\\copy db_site_row ({columns}) FROM '{file}' CSV HEADER"
        argv = ["psql", "-qh", "127.0.0.1", "-p", str(place["PORT"]), "-U", "postgres", "-c"]
        subprocess.run([*argv, command], check=True)

    return {
        "psycopg, write_row": write_row,
        "pgbulk.copy": lambda: pgbulk.copy(Row, made()),
        "django-postgres-copy, with its CSV": mapped,
        "psql \\copy of a ready file": psql,
        "the limit: COPY of a ready buffer": limit,
    }


def buffer(rows: Any) -> bytes:
    """The same rows as COPY's text, made beforehand."""
    from unhurried.db._copy._text import escape

    lines = []
    for row in rows:
        values = [*map(str, row[:5]), json.dumps(row[5]), "t" if row[6] else "f", str(row[7])]
        lines.append("\t".join(map(escape, values)))
    return ("\n".join(lines) + "\n").encode()


def million(options: Any, place: dict[str, Any], *, postgres: bool) -> None:
    """What memory it takes: the process's peak, less what it was after a thousand rows."""
    from benchmarks.db_site.models import Unique
    from unhurried.db import bulk_copy

    bulk_copy(Unique, ((n, "x" * 50) for n in range(1000)), fields=["key", "value"])
    base = peak()
    began = time.perf_counter()
    rows = ((n, "x" * 50) for n in range(1000, 1_001_000))
    bulk_copy(Unique, rows, fields=["key", "value"])
    took = time.perf_counter() - began
    print(f"  {1_000_000 / took:,.0f} rows/s, {peak() - base:.1f} MB over {base:.0f}  (limit 20)")


def peak() -> float:
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) / 1024


# --- rows out --------------------------------------------------------------------------------


def rows_out(options: Any, place: dict[str, Any], *, postgres: bool) -> None:
    import msgspec
    from django.core.serializers.json import DjangoJSONEncoder
    from django.db import connection

    from benchmarks.db_site.models import Row
    from unhurried.db import bulk_copy, instances, rows

    bulk_copy(Row, rows_of(options.rows), fields=FIELDS)
    names = ["id", *FIELDS]
    data = make_dataclass("Data", names, slots=True)
    struct = msgspec.defstruct("Struct", names)
    every = Row.objects.order_by("id")
    bare = every.defer("data")
    sql, _ = every.query.sql_with_params()

    def fetched() -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall()

    def as_json() -> str:
        found = [{name: getattr(row, name) for name in names} for row in every.all()]
        return json.dumps(found, cls=DjangoJSONEncoder)

    ways: Ways = {
        "list(queryset)": lambda: list(every.all()),
        "list(queryset) again": lambda: list(every.all()),
        "instances": lambda: list(instances(every)),
        "rows, a dataclass": lambda: list(rows(every, data)),
        "rows, a msgspec Struct": lambda: list(rows(every, struct)),
        "values()": lambda: list(every.values(*names)),
        "values_list()": lambda: list(every.values_list(*names)),
        "raw()": lambda: list(Row.objects.raw(sql)),
        "without JSON: list(queryset)": lambda: list(bare.all()),
        "without JSON: instances": lambda: list(instances(bare)),
        "with author: list(queryset)": lambda: list(every.select_related("author")),
        "with author: instances": lambda: list(instances(every.select_related("author"))),
        "Django's cursor, fetchall()": fetched,
    }
    told = measured(ways, options.rounds, time.process_time)
    print(f"  {'CPU':38}{'us/row':>9}{'list() / it':>13}")
    for name, seconds in told.items():
        base = (
            told[name.split(":")[0] + ": list(queryset)"] if ":" in name else told["list(queryset)"]
        )
        print(f"  {name:38}{seconds / options.rows * 1e6:>9.2f}{base / seconds:>13.2f}")
    json_out(options, every, names, as_json)


def json_out(options: Any, every: Any, names: list[str], as_json: Callable[[], str]) -> None:
    from unhurried.db import json_bytes

    ways: Ways = {
        "models and DjangoJSONEncoder": as_json,
        "the same again": as_json,
        "json_bytes": lambda: json_bytes(every, names),
    }
    for clock, what in ((time.perf_counter, "wall"), (time.process_time, "CPU")):
        told = measured(ways, options.rounds, clock)
        print(f"  {'JSON, ' + what:38}{'us/row':>9}{'models / it':>13}")
        for name, seconds in told.items():
            ratio = told["models and DjangoJSONEncoder"] / seconds
            print(f"  {name:38}{seconds / options.rows * 1e6:>9.2f}{ratio:>13.2f}")


# --- one statement ---------------------------------------------------------------------------


def single(options: Any, place: dict[str, Any], *, postgres: bool) -> None:
    from django.db import connections, transaction

    from benchmarks.db_site.models import Row
    from unhurried.db import bulk_copy, compiled, instances, update_now

    connection = connections["default"]
    bulk_copy(Row, rows_of(2000), fields=FIELDS)
    first = Row.objects.order_by("id").first()
    assert first is not None
    since = datetime(2020, 1, 1, tzinfo=UTC)
    get = compiled(lambda pk: Row.objects.filter(pk=pk))
    page = compiled(
        lambda author, since: (
            Row.objects.filter(author=author, moment__gte=since)
            .select_related("author")
            .order_by("-moment", "pk")[:20]
        )
    )
    change = compiled(lambda pk, n: Row.objects.filter(pk=pk).update(n=n))
    row, ids = Row.objects.get(pk=first.pk), range(first.pk, first.pk + 200)
    table = "db_site_row"

    def plain(sql: str, *params: Any) -> Any:
        with connection.cursor() as cursor:
            cursor.execute(sql, params)
            return cursor.fetchall() if sql.startswith("SELECT") else cursor.rowcount

    def alone(sql: str, *params: Any) -> Any:
        driver = connection.connection
        if not postgres:
            found = driver.execute(sql.replace("%s", "?"), params)
            return found.fetchall() if sql.startswith("SELECT") else found.rowcount
        values = [str(each).encode() for each in params]
        for n in range(len(params)):
            sql = sql.replace("%s", f"${n + 1}", 1)
        return driver.pgconn.exec_params(sql.encode(), values).ntuples

    def save(k: int) -> None:
        row.n = k
        row.save(update_fields=["n"])

    def query(k: int) -> Any:
        found = Row.objects.filter(author=k % 50 + 1, moment__gte=since).select_related("author")
        return found.order_by("-moment", "pk")[:20]

    def asked(k: int) -> list[Any]:
        return [k % 50 + 1, *parameters[1:]]

    listed, parameters = query(0).query.sql_with_params()
    one = f"SELECT {', '.join(['id', *FIELDS])} FROM {table} WHERE id = %s"
    written = f"UPDATE {table} SET n = %s WHERE id = %s"
    steps: dict[str, dict[str, Callable[[int], Any]]] = {
        "get": {
            ".get(pk=…)": lambda k: Row.objects.get(pk=k),
            ".get(pk=…) again": lambda k: Row.objects.get(pk=k),
            "compiled": lambda k: get(k).get(),
            "instances of a queryset of one": lambda k: instances(Row.objects.filter(pk=k)).get(),
            "its SQL by Django's cursor": lambda k: plain(one, k),
            "the limit: by the driver alone": lambda k: alone(one, k),
        },
        "list of 20 with its author": {
            "queryset": lambda k: list(query(k)),
            "queryset again": lambda k: list(query(k)),
            "compiled": lambda k: list(page(k % 50 + 1, since)),
            "its SQL by Django's cursor": lambda k: plain(listed, *asked(k)),
            "the limit: by the driver alone": lambda k: alone(listed, *asked(k)),
        },
        "update of one field": {
            ".filter(pk=…).update(…)": lambda k: Row.objects.filter(pk=k).update(n=k),
            ".filter(pk=…).update(…) again": lambda k: Row.objects.filter(pk=k).update(n=k),
            "compiled": lambda k: change(k, k),
            "save(update_fields=…)": save,
            "save()": lambda k: row.save(),
            "update_now": lambda k: update_now(row, n=k),
            "its SQL by Django's cursor": lambda k: plain(written, k, k),
            "the limit: by the driver alone": lambda k: alone(written, k, k),
        },
    }
    for what, calls in steps.items():
        ways: Ways = {
            name: (lambda call=call: [call(k) for k in ids])  # type: ignore[misc]
            for name, call in calls.items()
        }
        with transaction.atomic():
            told = measured(ways, options.rounds * 3, time.process_time)
        base = next(iter(told.values()))
        print(f"  {what + ', CPU':38}{'us':>9}{'ORM / it':>13}")
        for name, seconds in told.items():
            print(f"  {name:38}{seconds / len(ids) * 1e6:>9.0f}{base / seconds:>13.2f}")


def measured(
    ways: Ways, rounds: int, clock: Callable[[], float], before: Callable[[], None] | None = None
) -> dict[str, float]:
    """The median of each, in alternation."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            if before is not None:
                before()
            gc.collect()
            began = clock()
            way()
            found[name].append(clock() - began)
    return {name: median(each) for name, each in found.items()}


if __name__ == "__main__":
    sys.exit(main())
