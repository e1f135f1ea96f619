"""Where the obvious answer is wrong: shared helpers, shared rows, remedies that change the page."""

from __future__ import annotations

import copy
import pickle

from django.db.models import F
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from tests.queries.corpus.case import case, duplicate, fetch, page, reads, repeats
from tests.queries.corpus.models import Author, Book, Loan, Publisher, Review, Shelf, Tag

AUTHOR = reads("Book.author", "author", "select_related")


def name_of(book: Book) -> str:
    return book.author.name  # loop: helper


def helped(origin: str, **kwargs: object):
    return reads("Book.author", "author", "select_related", loop="helper", origin=origin, **kwargs)


@case(helped("b"), helped("c"), helped("d"), queries=11)
def helper_shared_by_three_loops() -> str:
    first = [name_of(book) for book in Book.objects.filter(pk__lte=3)]  # origin: b
    then = [name_of(book) for book in Book.objects.filter(pk__gte=7)]  # origin: c
    last = [name_of(book) for book in Book.objects.filter(pk__in=[4, 5, 6])]  # origin: d
    return ",".join(first + then + last)


# The same authors are asked for thrice, of other instances: three querysets must change.
@case(helped("b"), helped("c"), helped("d"), queries=27)
def helper_shared_by_three_loops_over_the_same_rows() -> str:
    first = [name_of(book) for book in Book.objects.order_by("title")]  # origin: b
    then = [name_of(book) for book in Book.objects.order_by("year")]  # origin: c
    last = [name_of(book) for book in Book.objects.order_by("-year")]  # origin: d
    return ",".join(first + then + last)


# Of three callers one feeds it well: only the two others are told.
@case(helped("b"), helped("d"), queries=15)
def helper_shared_by_a_loop_that_is_right() -> str:
    first = [name_of(book) for book in Book.objects.filter(pk__lte=6)]  # origin: b
    then = [name_of(book) for book in Book.objects.select_related("author")]
    last = [name_of(book) for book in Book.objects.filter(pk__gte=3)]  # origin: d
    return ",".join(first + then + last)


# A single row through a helper that loops use, too.
@case(helped("c"), queries=7)
def helper_shared_by_a_loop_and_a_single_row() -> str:
    one = name_of(Book.objects.get(pk=8))
    return one + ",".join(name_of(b) for b in Book.objects.filter(pk__lte=4))  # origin: c


@case(
    AUTHOR,
    reads("Book.editor", "editor", "select_related"),
    queries=16,
)
def two_relations_to_one_model_on_one_line() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.append(f"{book.author} {book.editor}")  # loop: a
    return ",".join(out)


@case(AUTHOR, queries=10)
def one_author_shared_by_all_rows() -> str:
    Book.objects.update(author_id=1)
    books = Book.objects.order_by("pk")  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(reads("Book.author", "author", "select_related", loop="list author"), queries=10)
def one_author_shared_by_all_rows_of_a_template() -> str:
    Book.objects.update(author_id=1)
    books = Book.objects.order_by("pk")  # origin: b
    return render_to_string("corpus/list.html", {"books": books})


@case(reads(("Book.author", None), "author", "select_related", fixable=False), queries=10)
def one_author_got_by_key_for_all_rows() -> str:
    Book.objects.update(author_id=1)
    out = []
    for book in Book.objects.order_by("pk"):  # origin: b
        out.append(Author.objects.get(pk=book.author_id).name)  # loop: a
    return ",".join(out)


# Joined, a loan whose shelf is gone falls out of the list: the page would change.
@case(reads("Loan.shelf", "shelf", "select_related", proof=False), queries=10)
def key_to_a_row_that_is_gone() -> str:
    Loan.objects.filter(pk=3).update(shelf_id=99)
    out = []
    for loan in Loan.objects.order_by("pk"):  # origin: b
        try:
            out.append(f"{loan} {loan.shelf}")  # loop: a
        except Shelf.DoesNotExist:
            out.append(f"{loan} nowhere")
    return ",".join(out)


# Every book reads the visits that the one before it wrote; joined, all read the first value.
@case(
    reads("Book.author", "author", "select_related", proof=False),
    repeats("bulk_update", loop="c"),
    queries=18,
)
def rows_read_anew_after_each_write() -> str:
    Book.objects.update(author_id=1)
    out = []
    for book in Book.objects.order_by("pk"):  # origin: b
        author = book.author  # loop: a
        author.visits += 1
        author.save()  # loop: c
        out.append(str(author.visits))
    return ",".join(out)


# The same, unseen on the page: what is written would change.
@case(
    reads("Book.author", "author", "select_related", proof=False),
    repeats("bulk_update", loop="c"),
    queries=18,
)
def rows_read_anew_after_each_write_out_of_sight() -> str:
    Book.objects.update(author_id=1)
    out = []
    for book in Book.objects.order_by("pk"):  # origin: b
        author = book.author  # loop: a
        author.visits += 1
        author.save()  # loop: c
        out.append(author.name)
    return ",".join(out)


# The first review found marks the next book; prefetched, the marks would not be seen.
@case(
    reads("Book.review_set", "review_set", "prefetch_related", proof=False),
    repeats(loop="c"),
    queries=17,
)
def sets_changed_while_looping() -> str:
    out = []
    for book in Book.objects.order_by("pk"):  # origin: b
        stars = sum(review.stars for review in book.review_set.all())  # loop: a
        Review.objects.filter(book_id=book.pk + 1).update(stars=F("stars") + 1)  # loop: c
        out.append(str(stars))
    return ",".join(out)


# No two runs say the same, so no run can prove anything.
@case(reads("Book.author", "author", "select_related", proof=False), queries=9)
def order_by_chance() -> str:
    books = Book.objects.order_by("?")  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


# Two books of each are wanted, of many: the set may be prefetched only in part.
@case(reads("Author.book_set", "book_set", "Prefetch", fixable=False, proof=False), queries=12)
def slice_of_a_set() -> str:
    many_books(120)
    out = []
    for author in Author.objects.order_by("pk"):  # origin: b
        for book in author.book_set.all()[:2]:  # loop: a
            out.append(book.title)
    return ",".join(out)


# The books of two authors of eight are read: prefetching brings those of all.
@case(reads("Author.book_set", "book_set", "prefetch_related", proof=False), queries=6)
def explosion_by_a_prefetch() -> str:
    many_books(120)
    out = []
    for author in Author.objects.order_by("pk"):  # origin: b
        if author.pk in (3, 6):
            out.extend(book.title for book in author.book_set.all())  # loop: a
    return ",".join(out)


def many_books(n: int) -> None:
    rows = [
        Book(title=f"more {i}", year=1990, author_id=i % 8 + 1, publisher_id=1) for i in range(n)
    ]
    Book.objects.bulk_create(rows, batch_size=n // 3)


# One author's long biography per book, where two of sixty ask for it.
@case(reads("Book.author", "author", "select_related", proof=False), queries=7)
def explosion_by_a_join() -> str:
    many_books(60)
    Author.objects.update(biography="long " * 2000)
    out = []
    for book in Book.objects.order_by("pk"):  # origin: b
        if book.pk in (3, 6):
            out.append(book.author.name)  # loop: a
    return ",".join(out)


# The long column was left out with reason; two rows of sixty ask for it.
@case(reads("Book.summary", "summary", "undefer", proof=False), queries=7)
def explosion_by_a_column() -> str:
    many_books(60)
    Book.objects.update(summary="long " * 2000)
    out = []
    for book in Book.objects.defer("summary").order_by("pk"):  # origin: b
        if book.pk in (3, 6):
            out.append(book.summary[:9])  # loop: a
    return ",".join(out)


# One line makes two querysets; each is healed by the same call.
@case(reads("Book.author", "author", "select_related", origin="made"), queries=10)
def one_line_that_makes_two_querysets() -> str:
    def books(**kwargs: int):
        return Book.objects.filter(**kwargs)  # origin: made

    rows = [*books(pk__lte=4), *books(pk__gt=4)]
    return ",".join(book.author.name for book in rows)  # loop: a


# Loops of a single row each, made by one line: for their authors, one answer.
@case(
    reads("Book.author", "author", "select_related", loop="helper", origin="single"),
    repeats(),
    queries=8,
)
def single_rows_one_by_one() -> str:
    def books(year: int):
        return Book.objects.filter(year=year)  # origin: single

    out = []
    for year in (2001, 2002, 2003, 2004):
        out.extend(name_of(book) for book in books(year))  # loop: a
    return ",".join(out)


@page("adversarial/kept/")
def kept(request: HttpRequest) -> HttpResponse:
    return HttpResponse(",".join(str(tag) for tag in Tag.objects.order_by("pk")))


# Three requests for one page, each asking once.
@case(queries=3)
def one_query_in_each_of_three_requests() -> str:
    return "".join(fetch("/adversarial/kept/") for _ in range(3))


# Relations given by hand are read from memory.
@case(queries=2)
def relation_replaced_by_hand() -> str:
    author = Author.objects.get(pk=2)
    out = []
    for book in Book.objects.order_by("pk"):
        book.author = author
        out.append(f"{book} by {book.author}")
    return ",".join(out)


@case(AUTHOR, queries=9)
def rows_copied_before_they_are_read() -> str:
    books = [copy.copy(book) for book in Book.objects.order_by("pk")]  # origin: b
    return ",".join(book.author.name for book in books)  # loop: a


@case(reads("Book.author", "author", "select_related", origin=None, fixable=False), queries=9)
def rows_from_a_pickle() -> str:
    stored = pickle.dumps(list(Book.objects.order_by("pk")))
    return ",".join(book.author.name for book in pickle.loads(stored))  # loop: a


# Made by hand: no queryset is to be changed.
@case(reads("Book.author", "author", None, origin=None, fixable=False), queries=4)
def rows_made_by_hand() -> str:
    books = [Book(title=f"idea {i}", author_id=i) for i in (1, 2, 3, 4)]
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def long_chain_over_several_lines() -> str:
    books = (
        Book.objects.filter(year__gt=1999)  # origin: b
        .exclude(title="")
        .order_by("pk")
    )
    return ",".join(book.author.name for book in books)  # loop: a


@case(AUTHOR, queries=9)
def read_inside_a_closure() -> str:
    def reader(book: Book):
        return lambda: book.author.name  # loop: a

    books = Book.objects.order_by("pk")  # origin: b
    readers = [reader(book) for book in books]
    return ",".join(read() for read in readers)


# One instance asked twice is a duplicate, though a loop of others stands beside it.
@case(
    reads("Publisher.books", "books", "prefetch_related"),
    duplicate("Publisher.books", loop="c"),
    queries=12,
)
def set_of_one_row_after_a_loop_of_others() -> str:
    out = []
    for publisher in Publisher.objects.filter(pk__lte=6):  # origin: b
        out.append(str(len(publisher.books.all())))  # loop: a
    last = Publisher.objects.get(pk=8)
    for _ in range(4):
        out.append(str(len(last.books.all())))  # loop: c
    return ",".join(out)


@case(queries=3)
def equal_keys_of_different_tables() -> str:
    return f"{Book.objects.get(pk=1)} {Author.objects.get(pk=1)} {Tag.objects.get(pk=1)}"
