"""Loops in loops, and paths of several steps."""

from __future__ import annotations

from django.db.models import Prefetch

from tests.queries.corpus.case import case, reads
from tests.queries.corpus.models import Author, Book, Country, Publisher, Review


@case(
    reads("Author.book_set", "book_set", "prefetch_related"),
    reads("Book.publisher", "book_set__publisher", "prefetch_related", loop="c"),
    queries=17,
)
def set_then_key() -> str:
    out = []
    for author in Author.objects.all():  # origin: b
        for book in author.book_set.all():  # loop: a
            out.append(book.publisher.name)  # loop: c
    return ",".join(out)


@case(
    reads("Country.author_set", "author_set", "prefetch_related"),
    reads("Author.book_set", "author_set__book_set", "prefetch_related", loop="c"),
    reads("Book.tags", "author_set__book_set__tags", "prefetch_related", loop="d"),
    queries=25,
)
def three_sets() -> str:
    out = []
    for country in Country.objects.all():  # origin: b
        for author in country.author_set.all():  # loop: a
            for book in author.book_set.all():  # loop: c
                out.extend(tag.name for tag in book.tags.all())  # loop: d
    return ",".join(out)


@case(reads("Book.publisher", "book_set__publisher", "prefetch_related"), queries=10)
def under_a_prefetch() -> str:
    out = []
    for author in Author.objects.prefetch_related("book_set"):  # origin: b
        out.extend(book.publisher.name for book in author.book_set.all())  # loop: a
    return ",".join(out)


@case(reads("Book.publisher", "publisher", "select_related"), queries=10)
def under_a_prefetch_with_its_own_queryset() -> str:
    out = []
    books = Book.objects.order_by("title")  # origin: b
    authors = Author.objects.prefetch_related(Prefetch("book_set", queryset=books))
    for author in authors:
        out.extend(book.publisher.name for book in author.book_set.all())  # loop: a
    return ",".join(out)


@case(reads("Book.publisher", "publisher", "select_related"), queries=10)
def under_a_prefetch_to_an_attribute() -> str:
    out = []
    books = Book.objects.filter(year__gte=2000)  # origin: b
    wanted = Prefetch("book_set", queryset=books, to_attr="recent")
    for author in Author.objects.prefetch_related(wanted):
        out.extend(book.publisher.name for book in author.recent)  # loop: a
    return ",".join(out)


@case(
    reads("Author.passport", "author__passport", "select_related"),
    queries=9,
)
def key_then_reverse_one_to_one() -> str:
    books = Book.objects.select_related("author")  # origin: b
    return ",".join(book.author.passport.number for book in books)  # loop: a


@case(
    reads("Book.author", "author", "select_related"),
    reads("Author.book_set", "author__book_set", "prefetch_related"),
    queries=17,
)
def key_then_set() -> str:
    out = []
    for book in Book.objects.all():  # origin: b
        out.extend(other.title for other in book.author.book_set.all())  # loop: a
    return ",".join(out)


@case(
    reads("Review.book", "book", "select_related"),
    reads("Book.author", "book__author", "select_related"),
    reads("Author.country", "book__author__country", "select_related"),
    queries=25,
)
def three_keys_on_one_line() -> str:
    reviews = Review.objects.all()  # origin: b
    return ",".join(review.book.author.country.name for review in reviews)  # loop: a


@case(
    reads("Publisher.books", "books", "prefetch_related", loop="a"),
    reads("Book.author", "books__author", "prefetch_related", loop="c"),
    queries=17,
)
def through_functions() -> str:
    def names(publisher: Publisher) -> list[str]:
        return [name(book) for book in publisher.books.all()]  # loop: a

    def name(book: Book) -> str:
        return book.author.name  # loop: c

    publishers = Publisher.objects.all()  # origin: b
    return ",".join("/".join(names(publisher)) for publisher in publishers)


# The inner queryset is made anew for each row, at its own line: its rows are few each time, and
# what repeats is the making. The author is asked for once per making: the inner line is its origin.
@case(
    reads(("Publisher.books", None), None, None, origin="b", fixable=False),
    reads("Book.author", "author", "select_related", loop="d", origin="c"),
    queries=17,
)
def queryset_made_in_the_loop() -> str:
    out = []
    for publisher in Publisher.objects.all():  # origin: b
        books = Book.objects.filter(publisher_id=publisher.pk)  # origin: c
        for book in books:  # loop: a
            out.append(book.author.name)  # loop: d
    return ",".join(out)


# One line, two querysets: each must change, so each is told.
@case(
    reads("Book.author", "author", "select_related"),
    reads("Book.author", "author", "select_related", origin="c"),
    queries=10,
)
def rows_gathered_from_two_querysets() -> str:
    first = list(Book.objects.filter(pk__lte=4))  # origin: b
    rest = list(Book.objects.filter(pk__gt=4))  # origin: c
    return ",".join(str(book.author) for book in first + rest)  # loop: a
