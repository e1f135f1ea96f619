"""The rows of every case: eight of each, one author per book, one book per author."""

from __future__ import annotations

from django.apps import apps
from django.contrib.auth.models import Permission, User
from django.contrib.contenttypes.models import ContentType

from tests.queries.corpus.club.data import fill as fill_club
from tests.queries.corpus.models import (
    Author,
    Book,
    Category,
    Country,
    Loan,
    Note,
    Novel,
    Passport,
    Profile,
    Publisher,
    Review,
    Right,
    Shelf,
    Tag,
)

ROWS = 8
NOVELS = 6


def fill() -> None:
    for i in range(1, ROWS + 1):
        country = Country.objects.create(pk=i, name=f"country {i}")
        Publisher.objects.create(pk=i, name=f"publisher {i}", country=country)
        author = Author.objects.create(pk=i, name=f"author {i}", country=country)
        Passport.objects.create(pk=i, author=author, number=f"P{i}")
        Profile.objects.create(pk=i, author=author, motto=f"motto {i}")
        Tag.objects.create(pk=i, name=f"tag {i}")
        Shelf.objects.create(pk=i, name=f"shelf {i}")
    for i in range(1, ROWS + 1):
        Category.objects.create(pk=i, name=f"category {i}", parent_id=i // 2 or None)
    for i in range(1, ROWS + 1):
        _book(i)
    _rights()
    fill_club()
    _warm_content_types()


def _book(i: int) -> None:
    book = (Novel if i <= NOVELS else Book).objects.create(
        pk=i,
        title=f"book {i}",
        year=2000 + i,
        summary=f"summary {i}",
        author_id=i,
        editor_id=i % ROWS + 1 if i < ROWS else None,
        publisher_id=i,
        category_id=i,
    )
    book.tags.set([i, i % ROWS + 1])
    book.fans.set([i])
    Review.objects.create(pk=i, book_id=i, reviewer_id=i % ROWS + 1, stars=i % 5 + 1)
    Loan.objects.create(pk=i, book_id=i, shelf_id=i, borrower=f"borrower {i}")
    Note.objects.create(pk=i, text=f"note {i}", target=Book.objects.get(pk=i))
    Note.objects.create(pk=ROWS + i, text=f"remark {i}", target=Author.objects.get(pk=i))


def _rights() -> None:
    user = User.objects.create(pk=1, username="reader")
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="corpus")[:3])
    Right.objects.bulk_create(Right(user=user, publisher_id=i) for i in range(1, 4))


def _warm_content_types() -> None:
    """Django keeps them per process: what a case asks must not hang on the case before it."""
    ContentType.objects.clear_cache()
    club = apps.get_app_config("club").get_models()
    ContentType.objects.get_for_models(Author, Book, Novel, Note, User, *club)
