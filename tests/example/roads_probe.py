"""Run in a process of its own: the pages of rule 5 on all three sides of a site; prints JSON."""

import csv
import hashlib
import io
import json
import random
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from books.forms import COLUMNS  # noqa: E402
from books.models import Author, Book, Publisher  # noqa: E402

TOKEN = re.compile(r'(?<=name="csrfmiddlewaretoken" value=")[^"]*')
SIDES = ("slow", "fixed", "fast")
PAGES = (
    "books/import/",
    "books/catalogue/",
    "books/api/",
    *("books/inventory/", "books/inventory/?day=2000-02-29", "books/inventory/?day=2100-01-01"),
    *("books/inventory/?day=soon", "books/inventory/?day=1962-01-01"),
    *("pins/with/camera/Alder%2035/", "pins/with/place/Oslo/", "pins/with/place/Nowhere/"),
    *("pins/with/lens/50/", "pins/with/colours/red/", "pins/with/camera__contains/Alder/"),
    *("pins/with/x'%22%5C%25s%20--/y'%22%5C%25s/", "pins/with/place/O'slo%25/"),
)
GOOD = ("Slow food", "New Author", "New House", "2012-09-05", "80", "1")
AGAIN = ("Slow water, “cold”", "New Author", "Jensen & Kaya", "1999-12-31", "1", "0")
HOSTILE = ("<b>'\"; DROP\n\\N\t%s", "O'Neill \\.", "%(x)s", "0001-01-01", "2147483", "0")
BAD = (
    ("No day", "New Author", "New House", "soon", "80", "1"),
    ("No such day", "Another", "New House", "2012-13-01", "80", "1"),
    ("No number", "New Author", "New House", "2012-09-05", "eighty", "1"),
    ("Nothing", "New Author", "Another House", "2012-09-05", "80", ""),
    ("Less than nothing", "New Author", "New House", "2012-09-05", "80", "-1"),
    ("Two of them", "New Author", "New House", "soon", "eighty", "1"),
)


def sheet(*rows: tuple[str, ...], head: tuple[str, ...] = COLUMNS) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows([head, *rows])
    return out.getvalue().encode()


def many() -> Iterator[tuple[str, ...]]:
    """A hundred books of many authors, some of whom the site has, some more than once."""
    names = Author.objects.order_by("pk").values_list("name", flat=True)[:20]
    authors = [*names, *(f"Author {n}" for n in range(20))]
    for n in range(100):
        yield (f"Book {n}", authors[n % len(authors)], f"House {n % 7}", "2012-09-05", str(n), "1")


def files() -> dict[str, bytes]:
    """What is uploaded."""
    return {f"random {seed}": at_random(seed) for seed in range(40)} | {
        "one": sheet(GOOD),
        "several": sheet(GOOD, AGAIN, HOSTILE, GOOD),
        "many": sheet(*many()),
        "bad": sheet(GOOD, *BAD, AGAIN),
        "all bad": sheet(*BAD),
        "between": sheet(*(row for bad in BAD for row in (GOOD, bad, AGAIN))),
        "none": sheet(),
        "another head": sheet(GOOD[::-1], head=COLUMNS[::-1]),
        "short": sheet(GOOD, GOOD[:5]),
        "long": sheet(GOOD, (*GOOD, "more")),
        "long title": sheet(("x" * 121, *GOOD[1:])),
        "large number": sheet((*GOOD[:4], "1000000000", "1")),
        "no text": b"\xff\xfe\x00",
        "nul": sheet(("a\0b", *GOOD[1:])),
        "quotes": b'title,author,publisher,published,pages,stock\n"a"b,c,d,2012-09-05,1,1\n',
        "mark": b"\xef\xbb\xbf" + sheet(GOOD),
    }


TEXTS = (
    *("", "a", "A", " a ", "e\u0301", "\u00e9", "\u2028", "\x01", "\x7f", "a\tb", "a\r\nb"),
    *("x" * 80, "%s", "%(x)s", "\\N", "\\.", "'\"", "{{ x }}", "<script>", "\N{SNOWMAN}"),
)
DAYS = (
    *("0001-01-01", "9999-12-31", "10000-01-01", "0000-01-01", "2012-9-5", "20120905", ""),
    *("2012-W01-1", "soon", " 2012-09-05", "2012-02-30", "2012-09-05T00:00", "infinity", "now"),
)
NUMBERS = (
    *("0", "-0", "-1", "999999999", " 5 ", "5.0", "1e3", "1_0", "\uff15", "\u0663", "", "+7"),
    *("nan", "inf", "0x1", "many", "007", "\t4"),
)


def at_random(seed: int) -> bytes:
    """Up to twelve rows of what is hard to store, or to show."""
    rng = random.Random(seed)

    def row() -> tuple[str, ...]:
        return (
            *(rng.choice(TEXTS) for _ in range(3)),
            rng.choice(DAYS) if rng.random() < 0.5 else "2012-09-05",
            rng.choice(NUMBERS) if rng.random() < 0.5 else "3",
            rng.choice(NUMBERS) if rng.random() < 0.3 else "1",
        )

    return sheet(*(row() for _ in range(rng.randint(1, 12))))


@contextmanager
def undone() -> Iterator[None]:
    """All sides find the same rows."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def visit(client: Client, side: str, path: str, file: bytes | None = None) -> dict[str, Any]:
    with undone(), CaptureQueriesContext(connection) as queries:
        url = f"/{side}/{path}"
        sent = file is not None and {"file": SimpleUploadedFile("books.csv", file)}
        response = client.post(url, sent) if sent else client.get(url)
        number = len(queries)
        stored = shelves() if sent else ""
    body = TOKEN.sub("", response.content.decode()).replace(f"/{side}/", "/slow/")
    if response.headers["Content-Type"] == "application/json":
        body = json.dumps(json.loads(body))  # spaces are the writer's own
    seen = [response.status_code, response.headers["Content-Type"], body, stored]
    return {"queries": number, "seen": seen}


def shelves() -> str:
    """All books with their authors and publishers, and all of those, hashed."""
    books = Book.objects.order_by("pk").values_list(
        *("title", "published", "pages", "stock"),
        *("author__name", "publisher__name", "publisher__city"),
    )
    named = [model.objects.order_by("name").values_list("name") for model in (Author, Publisher)]
    rows = repr([list(books), *map(list, named)])
    return hashlib.sha256(rows.encode()).hexdigest()


def compare(client: Client, path: str, file: bytes | None = None) -> dict[str, Any]:
    """Of the three sides: queries, whether they are the same, and what the first one says."""
    seen = {side: visit(client, side, path, file) for side in SIDES}
    pages = [each["seen"] for each in seen.values()]
    return {
        "queries": [each["queries"] for each in seen.values()],
        "same": [page == pages[0] for page in pages],
        "status": pages[0][0],
        "body": pages[0][2],
    }


def main(scale: float) -> None:
    call_command("migrate", verbosity=0)
    call_command("seed", scale=scale, verbosity=0)
    setup_test_environment()
    client = Client()
    answers = {
        "pages": {path: compare(client, path) for path in PAGES},
        "files": {name: compare(client, "books/import/", file) for name, file in files().items()},
    }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main(float(sys.argv[1]))
