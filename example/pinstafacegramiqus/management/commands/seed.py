"""``manage.py seed``: the same rows every time, whatever was there before."""

import io
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.core.management.color import no_style
from django.db import connection, transaction
from django.db.models import Model

from pins.models import Pin
from pinstafacegramiqus.progress import Output, Progress
from pinstafacegramiqus.rows import Sizes, tables

BATCH = 2_000


class Command(BaseCommand):
    """Empty the database and fill it, in one transaction: all of it or nothing."""

    help = "Fills the database with the site's rows. What was in it is deleted first."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--scale", type=float, default=1.0, help="1.0 is 500 users and 5,000 pins (0.01 to 20)"
        )

    def handle(self, *args: Any, scale: float, verbosity: int, **options: Any) -> None:
        if not 0.01 <= scale <= 20:
            raise CommandError(f"--scale goes from 0.01 to 20; got {scale}.")
        _require_tables()
        self.stdout.ending = ""  # the bar stays on its line
        out = self.stdout if verbosity else io.StringIO()
        began = time.perf_counter()
        try:
            rows = _fill(Sizes.at(scale), out)
        except KeyboardInterrupt:
            raise CommandError("Interrupted; the database is as it was.") from None
        out.write(f"{rows:,} rows in {time.perf_counter() - began:.1f} s\n")


def _fill(sizes: Sizes, out: Output) -> int:
    progress = Progress(out, sum(number for _, number, _ in tables(sizes)))
    try:
        with transaction.atomic():
            call_command("flush", interactive=False, verbosity=0)
            for model, number, rows in tables(sizes):
                _insert(model, rows, progress)
                progress.part(_name(model), number)
            _reset_sequences([model for model, _, _ in tables(sizes)])
    finally:
        progress.close()
    return progress.total


def _insert(model: type[Model], rows: Iterator[Model], progress: Progress) -> None:
    for batch in _batches(rows):
        model._default_manager.bulk_create(batch)
        progress.advance(len(batch), _name(model))


def _name(model: type[Model]) -> str:
    return str(model._meta.verbose_name_plural)


def _require_tables() -> None:
    if Pin._meta.db_table not in connection.introspection.table_names():
        raise CommandError("The tables are missing: run `python example/manage.py migrate` first.")


def _batches(rows: Iterator[Model]) -> Iterator[list[Model]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _reset_sequences(models: list[type[Model]]) -> None:
    # The rows bring their own keys; the next row made on the site must not collide with them.
    with connection.cursor() as cursor:
        for statement in connection.ops.sequence_reset_sql(no_style(), models):
            cursor.execute(statement)
