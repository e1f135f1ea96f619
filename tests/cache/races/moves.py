"""What there is to read and to write in the world: parts, functions made of them, writes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

from .models import Author, Book

#: A part of a value, by one statement -> what it reads.
PARTS = {
    "titles": ("SELECT id, title FROM races_book ORDER BY id", {"book"}),
    "names": ("SELECT id, name FROM races_author ORDER BY id", {"author"}),
    "both": (
        "SELECT b.id, title, name FROM races_book b JOIN races_author a ON a.id = author_id "
        "ORDER BY b.id",
        {"book", "author"},
    ),
}
#: Functions -> the parts they read themselves, the functions they call, what they do on a change.
FUNCTIONS: dict[str, tuple[list[str], list[str], str]] = {
    "titles": (["titles"], [], "wait"),
    "names": (["names"], [], "refresh"),
    "both": (["both"], [], "wait"),
    "apart": (["titles", "names"], [], "wait"),
    "nested": (["names"], ["titles"], "wait"),
    "eager": (["both", "titles"], ["names"], "refresh"),
}
WRITES: dict[str, tuple[Callable[[int, str], Any], set[str]]] = {
    "title": (lambda mine, new: Book.objects.filter(author=mine).update(title=new), {"book"}),
    "name": (lambda mine, new: Author.objects.filter(pk=mine).update(name=new), {"author"}),
    "create": (lambda mine, new: Book.objects.create(author_id=mine, title=new), {"book"}),
    "thin": (lambda mine, new: thin(mine, new), {"book"}),
    "raw": (lambda mine, new: raw("UPDATE races_book SET title = %s", mine, new), {"book"}),
    "raw name": (lambda mine, new: raw("UPDATE races_author SET name = %s", mine, new), {"author"}),
    "save": (lambda mine, new: save(mine, new), {"book"}),
    "bulk": (lambda mine, new: bulk(mine, new), {"book"}),
}


def thin(mine: int, new: str) -> None:
    """Deletes something in any case: a write that asks the database for nothing is none."""
    Book.objects.create(author_id=mine, title=new)
    books = Book.objects.filter(author=mine).order_by("pk")
    Book.objects.filter(pk__in=list(books.values_list("pk", flat=True)[1:])).delete()


def save(mine: int, new: str) -> None:
    book = Book.objects.filter(author=mine).order_by("pk")[0]
    book.title = new
    book.save()


def bulk(mine: int, new: str) -> None:
    books = list(Book.objects.filter(author=mine))
    for book in books:
        book.title = new
    Book.objects.bulk_update(books, ["title"])


def raw(sql: str, mine: int, new: str) -> None:
    column = "id" if "races_author" in sql else "author_id"
    with connection.cursor() as cursor:
        cursor.executemany(f"{sql} WHERE {column} = %s", [(new, mine)])


def asked(sql: str) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return rows(cursor)


def rows(cursor: Any) -> list[Any]:
    return [list(row) for row in cursor.fetchall()]
