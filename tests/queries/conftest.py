"""Books to ask for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.books.models import Author, Book
from unhurried.queries._budget import _enforcing


@pytest.fixture
def three_books(db: None) -> list[Book]:
    """By three authors."""
    authors = [Author.objects.create(name=name) for name in ("Le Guin", "Lem", "Butler")]
    return [Book.objects.create(title=f"By {author}", author=author) for author in authors]


@pytest.fixture
def unwarned() -> Iterator[None]:
    """No route was warned of this minute."""
    _enforcing._warned.clear()
    yield
    _enforcing._warned.clear()
