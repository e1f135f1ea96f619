"""Calls in loops: get, count, exists, filter, aggregate, raw SQL, and writes."""

from __future__ import annotations

from django.db import connection
from django.db.models import Max
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404

from tests.queries.corpus.case import case, duplicate, fetch, page, reads, repeats
from tests.queries.corpus.models import Author, Book, Country, Loan, Novel, Tag


# The relation is there, though not written: .select_related("author") and book.author, two edits.
@case(reads(("Book.author", None), "author", "select_related", fixable=False), queries=9)
def get_by_foreign_key() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        author = Author.objects.get(pk=book.author_id)  # loop: a
        out.append(author.name)
    return ",".join(out)


@case(repeats("in_bulk"), queries=3)
def get_by_given_keys() -> str:
    out = []
    for key in (3, 1, 2):
        out.append(Book.objects.get(pk=key).title)  # loop: a
    return ",".join(out)


@case(repeats("in_bulk"), queries=9)
def get_by_keys_read_before() -> str:
    keys = Book.objects.values_list("pk", flat=True)
    return ",".join(Book.objects.get(pk=key).title for key in keys)  # loop: a


@case(repeats("in_bulk"), queries=5)
def get_by_names() -> str:
    names = ["tag 3", "tag 5", "tag 1", "tag 2", "tag 9"]
    out = []
    for name in names:
        try:
            out.append(str(Tag.objects.get(name=name).pk))  # loop: a
        except Tag.DoesNotExist:
            out.append("none")
    return ",".join(out)


def one_book(title: str) -> Book:
    return get_object_or_404(Book, title=title)  # loop: one book


@case(repeats("in_bulk", loop="one book"), queries=3)
def get_object_or_404_in_a_helper() -> str:
    return ",".join(one_book(f"book {i}").title for i in range(2, 5))


# A count reads no rows of the set, but names it: issue 3 asks for no relation, a person for it.
@case(reads(("Author.book_set", None), "book_set", "annotate", fixable=False), queries=9)
def count_of_a_set() -> str:
    authors = Author.objects.all()  # origin: b
    return ",".join(str(author.book_set.count()) for author in authors)  # loop: a


@case(reads(("Author.book_set", None), "book_set", "annotate", fixable=False), queries=9)
def exists_on_a_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        if author.book_set.exists():  # loop: a
            out.append(author.name)
    return ",".join(out)


@case(reads(("Book.tags", None), "tags", "annotate", fixable=False), queries=9)
def count_of_many_to_many() -> str:
    books = Book.objects.all()  # origin: b
    return ",".join(str(book.tags.count()) for book in books)  # loop: a


@case(reads(("Author.book_set", None), "book_set", "annotate", fixable=False), queries=9)
def aggregate_of_a_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        found = author.book_set.aggregate(Max("price"))  # loop: a
        out.append(str(found["price__max"]))
    return ",".join(out)


@case(reads("Author.book_set", "book_set", "Prefetch", fixable=False), queries=9)
def filter_of_a_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        books = author.book_set.filter(year__gte=2004)
        out.extend(book.title for book in books)  # loop: a
    return ",".join(out)


@case(reads("Book.tags", "tags", "Prefetch", fixable=False), queries=9)
def filter_of_many_to_many() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.extend(tag.name for tag in book.tags.filter(pk__gt=3))  # loop: a
    return ",".join(out)


@case(reads("Author.book_set", "book_set", "Prefetch", fixable=False), queries=9)
def order_by_of_a_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        out.extend(book.title for book in author.book_set.order_by("-price"))  # loop: a
    return ",".join(out)


@case(reads("Author.book_set", "book_set", "Prefetch", fixable=False), queries=9)
def method_of_the_sites_own_on_a_set() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        out.extend(book.title for book in author.book_set.recent())  # loop: a
    return ",".join(out)


# No attribute of the author is read, but its set is what is asked for: both names are right.
@case(reads(("Author.book_set", None), "book_set", "Prefetch", fixable=False), queries=9)
def filter_by_instance() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        books = Book.objects.filter(author=author)
        out.extend(book.title for book in books)  # loop: a
    return ",".join(out)


@case(repeats("annotate"), queries=4)
def count_per_value() -> str:
    out = []
    for price in (5, 10, 20, 40):
        out.append(str(Book.objects.filter(price=price).count()))  # loop: a
    return ",".join(out)


@case(repeats(), queries=4)
def exists_per_value() -> str:
    names = [f"tag {i}" for i in range(7, 11)]
    found = [Tag.objects.filter(name=name).exists() for name in names]  # loop: a
    return ",".join(map(str, found))


@case(duplicate(), queries=4)
def the_same_count_again_and_again() -> str:
    out = []
    for i in range(4):
        out.append(f"{i} of {Book.objects.count()}")  # loop: a
    return ",".join(out)


@case(repeats(), queries=9)
def raw_cursor() -> str:
    out = []
    for book in Book.objects.all():
        with connection.cursor() as cursor:
            sql = "SELECT name FROM corpus_author WHERE id = %s"
            cursor.execute(sql, [book.author_id])  # loop: a
            out.append(cursor.fetchone()[0])
    return ",".join(out)


# RawQuerySet takes no select_related: there is no line to add it to.
@case(reads("Book.author", "author", None, origin=None, fixable=False), queries=9)
def rows_of_raw() -> str:
    books = Book.objects.raw("SELECT * FROM corpus_book ORDER BY id")
    return ",".join(book.author.name for book in books)  # loop: a


@case(repeats(), queries=3)
def raw_in_a_loop() -> str:
    out = []
    for key in (1, 2, 3):
        rows = Tag.objects.raw("SELECT * FROM corpus_tag WHERE id = %s", [key])
        out.extend(tag.name for tag in rows)  # loop: a
    return ",".join(out)


@case(repeats("bulk_update"), queries=10)
def save() -> str:
    for tag in Tag.objects.all():
        tag.name = tag.name.upper()
        tag.save()  # loop: a
    return ",".join(Tag.objects.order_by("pk").values_list("name", flat=True))


@case(repeats("bulk_update"), queries=9)
def save_of_one_field() -> str:
    books = list(Book.objects.all())
    for book in books:
        book.price += 1
        book.save(update_fields=["price"])  # loop: a
    return ",".join(str(book.price) for book in books)


@case(repeats("bulk_create"), queries=6)
def create() -> str:
    for i in range(5):
        Tag.objects.create(name=f"new {i}")  # loop: a
    return str(Tag.objects.count())


@case(repeats("bulk_create"), queries=5)
def save_of_new_rows() -> str:
    tags = [Tag(name=f"new {i}") for i in range(5)]
    for tag in tags:
        tag.save()  # loop: a
    return ",".join(tag.name for tag in tags)


@case(repeats("bulk_update"), queries=9)
def update_per_row() -> str:
    for i in range(1, 9):
        Book.objects.filter(pk=i).update(price=i)  # loop: a
    return ",".join(str(price) for price in Book.objects.values_list("price", flat=True))


@case(repeats("delete"), queries=10)
def delete_per_row() -> str:
    for loan in Loan.objects.all():
        loan.delete()  # loop: a
    return str(Loan.objects.count())


# Each of three statements is sent per row by one line: a person hears of it once.
@case(repeats("delete"), queries=16)
def delete_with_cascades() -> str:
    for novel in Novel.objects.order_by("pk")[:2]:
        novel.delete()  # loop: a
    return str(Book.objects.count())


@case(repeats("bulk_create"), queries=10)
def get_or_create() -> str:
    made = []
    for name in ("tag 1", "tag 2", "red", "blue", "green", "tag 3", "tag 4"):
        made.append(Tag.objects.get_or_create(name=name)[1])  # loop: a
    return ",".join(map(str, made))


@case(repeats("bulk_create"), queries=8)
def update_or_create() -> str:
    made = []
    for i in (1, 2, 3, 4):
        pair = Tag.objects.update_or_create(pk=i, defaults={"name": f"new {i}"})  # loop: a
        made.append(pair[1])
    return ",".join(map(str, made))


@case(repeats("in_bulk"), queries=9)
def refresh_from_db() -> str:
    tags = list(Tag.objects.all())
    for tag in tags:
        tag.refresh_from_db()  # loop: a
    return ",".join(tag.name for tag in tags)


@page("calls/basket/")
def basket(request: HttpRequest) -> HttpResponse:
    lines = []
    for key in request.GET.getlist("book"):
        lines.append(one_book(f"book {key}").title)
    if not lines:
        raise Http404
    return HttpResponse(", ".join(lines))


@case(repeats("in_bulk", loop="one book"), queries=3)
def get_per_parameter_in_a_view() -> str:
    return fetch("/calls/basket/?book=1&book=4&book=2")


@case(repeats(), queries=4)
def form_fields_that_check_the_database() -> str:
    def clean(name: str) -> str:
        taken = Country.objects.filter(name__iexact=name).exists()  # loop: a
        return f"{name}: {'taken' if taken else 'free'}"

    return ",".join(clean(f"Country {i}") for i in (7, 8, 9, 10))
