"""Every way there is to write, each with a reading of the very table it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Value
from django.db.models.functions import Concat

from .models import Author, Book, Note, Novel, Tag


@dataclass(frozen=True)
class Write:
    write: Callable[[], Any]
    read: Callable[[], Any]


WRITES: dict[str, Write] = {}


def changes(read: Callable[[], Any]) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    def register(write: Callable[[], Any]) -> Callable[[], Any]:
        WRITES[write.__name__] = Write(write, read)
        return write

    return register


def titles() -> list[Any]:
    return list(Book.objects.order_by("pk").values_list("title", flat=True))


def taggings() -> list[Any]:
    return [
        list(row) for row in Book.tags.through.objects.order_by("pk").values_list("book", "tag")
    ]


def notes() -> list[Any]:
    return list(Note.objects.order_by("pk").values_list("text", flat=True))


def authors() -> list[Any]:
    return [list(row) for row in Author.objects.order_by("pk").values_list("name", "rank")]


def heroes() -> list[Any]:
    return list(Novel.objects.order_by("pk").values_list("hero", flat=True))


def asked(sql: str) -> Callable[[], Any]:
    def reading() -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return [list(row) for row in cursor.fetchall()]

    return reading


def run(sql: str, *args: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql, args or None)


@changes(titles)
def save() -> None:
    book = Book.objects.order_by("pk")[0]
    book.title = "saved"
    book.save()


@changes(titles)
def update() -> None:
    Book.objects.filter(title="second").update(title="updated")


@changes(titles)
def update_f() -> None:
    Book.objects.update(title=Concat(F("title"), Value("!")))


@changes(titles)
def bulk_update() -> None:
    books = list(Book.objects.all())
    for book in books:
        book.title += " in bulk"
    Book.objects.bulk_update(books, ["title"], batch_size=1)


@changes(titles)
def bulk_create() -> None:
    author = Author.objects.get()
    Book.objects.bulk_create([Book(title=f"b{n}", author=author) for n in range(3)], batch_size=2)


@changes(authors)
def bulk_create_conflicts() -> None:
    Author.objects.bulk_create(
        [Author(name="Guido", rank=7)],
        update_conflicts=True,
        update_fields=["rank"],
        unique_fields=["name"],
    )


@changes(authors)
def update_or_create() -> None:
    Author.objects.update_or_create(name="Guido", defaults={"rank": 8})


@changes(authors)
def get_or_create() -> None:
    Author.objects.get_or_create(name="Jacob")


@changes(titles)
def select_for_update() -> None:
    with transaction.atomic():
        book = Book.objects.select_for_update().order_by("pk")[0]
        book.title = "locked"
        book.save(update_fields=["title"])


@changes(titles)
def raw_sql() -> None:
    run("UPDATE races_book SET title = %s WHERE title = %s", "raw", "first")


@changes(titles)
def raw_sql_disguised() -> None:
    run("/* SELECT */ -- nothing\n\tuPdAtE\n\"races_book\"SET title='x''; SELECT 1'")


@changes(titles)
def raw_sql_read_as_rows() -> None:
    list(Book.objects.raw("UPDATE races_book SET title = 'returned' RETURNING *"))


@changes(titles)
def executemany() -> None:
    pairs = [(f"many {pk}", pk) for pk in Book.objects.values_list("pk", flat=True)]
    with connection.cursor() as cursor:
        cursor.executemany("UPDATE races_book SET title = %s WHERE id = %s", pairs)


@changes(titles)
def update_after_cte() -> None:
    run(
        "WITH wanted AS (SELECT id FROM races_book WHERE title = 'first') "
        "UPDATE races_book SET title = 'by cte' WHERE id IN (SELECT id FROM wanted)"
    )


@changes(titles)
def update_from() -> None:
    run("UPDATE races_book SET title = name FROM races_author a WHERE a.id = author_id")


@changes(asked("SELECT message FROM races_log"))
def insert_select() -> None:
    run("INSERT INTO races_log SELECT title FROM races_book")


@changes(authors)
def upsert() -> None:
    run(
        "INSERT INTO races_author (name, rank) VALUES ('Guido', 1) "
        "ON CONFLICT (name) DO UPDATE SET rank = races_author.rank + 1"
    )


@changes(taggings)
def m2m_add() -> None:
    Book.objects.get(title="second").tags.add(Tag.objects.get(name="new"))


@changes(taggings)
def m2m_add_reverse() -> None:
    Tag.objects.get(name="new").book_set.add(Book.objects.get(title="second"))


@changes(taggings)
def m2m_clear() -> None:
    Book.objects.get(title="first").tags.clear()


@changes(taggings)
def m2m_set() -> None:
    Book.objects.get(title="first").tags.set(Tag.objects.filter(name="new"))


@changes(taggings)
def m2m_cascade() -> None:
    Tag.objects.get(name="old").delete()


@changes(titles)
def queryset_delete() -> None:
    Book.objects.filter(title="first").delete()


@changes(titles)
def raw_delete() -> None:
    run("DELETE FROM races_note")
    run("DELETE FROM races_book_tags")
    run("DELETE FROM races_novel")
    run("DELETE FROM races_book")


@changes(titles)
def cascade() -> None:
    Author.objects.get().delete()


@changes(notes)
def generic_create() -> None:
    Book.objects.get(title="second").notes.create(text="noted")


@changes(notes)
def generic_cascade() -> None:
    Book.objects.get(title="first").delete()


@changes(titles)
def parent_update() -> None:
    Novel.objects.update(title="by its child")


@changes(heroes)
def parent_delete() -> None:
    Book.objects.filter(title="third").delete()


@changes(asked("SELECT message FROM races_log"))
def trigger() -> None:
    Author.objects.update(name="Adrian")


@changes(asked("SELECT id FROM races_page"))
def database_cascade() -> None:
    run("DELETE FROM races_sheet")


@changes(asked("SELECT title, name FROM races_list ORDER BY title"))
def under_a_view() -> None:
    Author.objects.update(name="Simon")


@changes(asked("SELECT title FROM races_book"))
def replaced_table() -> None:
    run("ALTER TABLE races_book RENAME TO races_gone")
    run("ALTER TABLE races_gone RENAME TO races_book")
    run("UPDATE races_book SET title = 'after DDL'")
