"""One process of ``test_pg_statements``: threads, tasks and requests ask a PostgreSQL all sorts.

    PG_PORT=… PG_STORE=… python -m tests.services.pg_work SEED OUT.json

Each thread works on authors of its own, so that nobody waits for a lock. What the units of work
remembered of their statements is added up in ``OUT.json``: {route: {sql: [count, rows, failed]}}.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.conf import settings

THREADS, UNITS, REQUESTS = 4, 25, 12
SEED = int(sys.argv[1]) if __name__ == "__main__" else 0

if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    settings.DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "counted",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": os.environ["PG_PORT"],
        # Every other process has the server fill in the parameters.
        "OPTIONS": {"server_side_binding": SEED % 2 == 1},
    }
    settings.MIDDLEWARE = ["unhurried.middleware.UnhurriedMiddleware"]
    settings.ROOT_URLCONF = "tests.services.pg_work"
    settings.UNHURRIED = {"STORE": os.environ["PG_STORE"], "STRICT": True}
    django.setup()

from django.db import DatabaseError, connection, transaction  # noqa: E402 - after the settings
from django.db.models import Count, F, Sum  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.test import AsyncClient  # noqa: E402
from django.urls import path  # noqa: E402

from tests.books.models import Author, Book  # noqa: E402
from unhurried.measure import measured  # noqa: E402
from unhurried.measure.reading import Record, finished  # noqa: E402


def read(chance: random.Random, author: Author) -> None:
    books = list(
        Book.objects.filter(author=author).select_related("author")[: chance.randint(1, 9)]
    )
    for book in Book.objects.filter(author=author)[: chance.randint(0, 5)]:
        str(book.author)
    list(Author.objects.filter(pk=author.pk).prefetch_related("book_set"))
    Book.objects.filter(pk__in=[book.pk for book in books]).count()
    Book.objects.filter(author=author, title__startswith="b").exists()
    Author.objects.filter(pk=author.pk).aggregate(n=Count("book"), s=Sum("book__id"))
    list(Book.objects.filter(author=author).values_list("title", flat=True))


def write(chance: random.Random, author: Author) -> None:
    book = Book.objects.create(title="b'%s?", author=author)
    book.title = f"b {chance.random()}"
    book.save()
    Book.objects.filter(pk=book.pk).update(title=F("title"))
    Book.objects.bulk_create(
        [Book(title=f"b{n}", author=author) for n in range(chance.randint(1, 20))], batch_size=7
    )
    books = list(Book.objects.filter(author=author)[:5])
    Book.objects.bulk_update(books, ["title"])
    Author.objects.get_or_create(name=f"{author.name} {chance.randint(0, 3)}")
    book.delete()


def many(chance: random.Random, author: Author) -> None:
    """psycopg's pipeline: one call of ours, one statement a row for the server."""
    rows = [(f"m{n}", author.pk) for n in range(chance.randint(1, 50))]
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO books_book (title, author_id) VALUES (%s, %s)", rows)
        cursor.executemany("UPDATE books_book SET title = %s WHERE author_id = %s", rows[:2])


def raw(chance: random.Random, author: Author) -> None:
    sql = "SELECT id, name FROM books_author WHERE id = %s ORDER BY id"
    list(Author.objects.raw(sql, [author.pk]))
    with connection.cursor() as cursor:
        cursor.execute("WITH n AS (SELECT generate_series(1, %s) i) SELECT sum(i) FROM n", [9])
        cursor.execute("/* a remark */ SELECT 'it''s', 1.5, %s", [chance.random()])


def fail(chance: random.Random, author: Author) -> None:
    """The server counts none of these: an error ends the statement before it is counted."""
    for sql, parameters in (
        ("SELECT 1 / %s", [0]),
        ("SELECT nothing FROM nowhere WHERE id = %s", [1]),
        ("INSERT INTO books_author (id, name) VALUES (%s, 'twice')", [author.pk]),
    ):
        try:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(sql, parameters)
        except DatabaseError:
            continue
        raise AssertionError(sql)


def transact(chance: random.Random, author: Author) -> None:
    with transaction.atomic():
        Book.objects.create(title="kept", author=author)
        try:
            with transaction.atomic():  # a savepoint
                Book.objects.create(title="lost", author=author)
                fail(chance, author)
                raise DatabaseError
        except DatabaseError:
            Author.objects.select_for_update().get(pk=author.pk)
    with transaction.atomic():
        Book.objects.filter(author=author).count()
        transaction.set_rollback(True)


def in_a_loop(chance: random.Random, author: Author) -> None:
    asyncio.run(asynchronous(author))


async def asynchronous(author: Author) -> None:
    await Book.objects.acreate(title="async", author=author)
    async for book in Book.objects.filter(author=author)[:3]:
        await Author.objects.aget(pk=book.author_id)
    await asyncio.gather(
        Author.objects.filter(pk=author.pk).aexists(),
        Book.objects.filter(author=author).acount(),
        sync_to_async(read)(random.Random(SEED), author),
    )


KINDS: list[Callable[[random.Random, Author], None]] = [
    *(read, write, many, raw, fail, transact, in_a_loop),
]


def work(place: int) -> None:
    chance = random.Random(f"{SEED} {place}")
    with measured("mix"):
        author = Author.objects.create(name=f"{SEED} {place}")
    for n in range(UNITS):
        with measured("mix"):
            for kind in (KINDS[n % len(KINDS)], chance.choice(KINDS)):
                kind(chance, author)
    with measured("server-side"):
        for _ in Author.objects.filter(pk=author.pk).iterator(chunk_size=2):
            pass
    connection.close()


def in_a_thread_of_its_own() -> None:
    list(Author.objects.all()[:2])
    connection.close()


async def gather(request: HttpRequest) -> HttpResponse:
    author = await Author.objects.afirst()
    assert author is not None
    await asyncio.gather(
        *(Author.objects.aget(pk=author.pk) for _ in range(3)),
        Book.objects.acount(),
        Book.objects.acreate(title="gathered", author=author),
        sync_to_async(write)(random.Random(SEED), author),
        sync_to_async(in_a_thread_of_its_own, thread_sensitive=False)(),
    )
    return HttpResponse("gathered")


urlpatterns = [path("gather/", gather)]


async def ask() -> None:
    """Several requests at once in one loop, each of which gathers."""
    client = AsyncClient()
    for _ in range(REQUESTS // 4):
        answers = await asyncio.gather(*(client.get("/gather/") for _ in range(4)))
        assert [answer.status_code for answer in answers] == [200] * 4


def main(out: str) -> None:
    remembered: dict[str, dict[str, list[int]]] = {}
    lock = threading.Lock()

    def remember(record: Record) -> None:
        with lock:
            texts = remembered.setdefault(record.name, {})
            for seen in record.statements.values():
                counts = texts.setdefault(str(seen.sql), [0, 0, 0])
                counts[:] = counts[0] + seen.count, counts[1] + seen.rows, counts[2] + seen.failed

    finished.append(remember)
    errors: list[Any] = []
    threading.excepthook = errors.append
    threads = [threading.Thread(target=work, args=(place,)) for place in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    asyncio.run(ask())
    Path(out).write_text(json.dumps(remembered))
    sys.exit(str([error.exc_value for error in errors]) if errors else 0)


if __name__ == "__main__":
    main(sys.argv[2])
