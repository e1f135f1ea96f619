"""What production sees of a repeat: its kind, relation and line, at the price of two looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.books.models import Author, Book
from unhurried.measure import _store, measured
from unhurried.measure import reading as measure
from unhurried.queries._live import _sight
from unhurried.queries._live._sight import Sighting, sight

pytestmark = pytest.mark.django_db


@pytest.fixture
def seen(store) -> Iterator[list[Sighting]]:
    """What is sighted while the test runs, by a process that knows nothing yet."""
    found: list[Sighting] = []

    def look(record: measure.Record, statement: measure.Seen) -> None:
        sighting = sight(record, statement)
        if sighting is not None:
            found.append(sighting)

    _sight._known.clear()
    hooks = list(measure.repeated), list(measure.met)
    measure.repeated[:], measure.met[:] = [look], []
    yield found
    measure.repeated[:], measure.met[:] = hooks
    _sight._known.clear()


@pytest.fixture
def rows() -> None:
    for i in range(6):
        Book.objects.create(title=f"book {i}", author=Author.objects.create(name=f"author {i}"))


def run(work: Callable[[], object], times: int = 1) -> None:
    for _ in range(times):
        with measured("work"):
            work()


def sampled(work: Callable[[], object]) -> None:
    _store.opened.countdown = 1
    run(work)


def read_authors() -> None:
    for book in Book.objects.all():
        str(book.author)


def test_a_loop_is_sighted_with_its_line(seen, rows):
    run(read_authors)
    (sighting,) = seen
    assert sighting.kind == "n+1"
    assert sighting.relation == "books.Book.author"
    assert sighting.loop.startswith("tests/queries/test_sight.py:")
    assert sighting.through


def test_a_loop_that_is_known_is_not_looked_at_again(seen, rows, monkeypatch):
    run(read_authors)
    monkeypatch.setattr(_sight, "walk", None)  # calling it would raise
    _store.opened.countdown = 1_000  # none is sampled
    run(read_authors, times=3)
    assert len(seen) == 4
    assert len(set(seen)) == 1


def test_a_known_loop_is_looked_at_again_in_a_sampled_unit_after_a_while(seen, rows, monkeypatch):
    looks, walk = [], _sight.walk
    monkeypatch.setattr(_sight, "walk", lambda *args: looks.append(1) or walk(*args))
    run(read_authors)
    first = len(looks)
    sampled(read_authors)
    assert len(looks) == first
    monkeypatch.setattr(_sight, "EVERY", 0)
    _sight._known.clear()
    run(read_authors)
    sampled(read_authors)
    assert len(looks) > 2 * first
    assert {sighting.relation for sighting in seen} == {"books.Book.author"}


def test_the_same_row_again_is_a_duplicate(seen, rows):
    author = Author.objects.get(name="author 1")
    run(lambda: [list(author.book_set.all()) for _ in range(5)])
    assert [sighting.kind for sighting in seen] == ["duplicate"]


def test_other_parameters_from_one_line_are_an_n_plus_one(seen, rows):
    run(lambda: [Author.objects.filter(name=f"author {i}").first() for i in range(5)])
    assert [(sighting.kind, sighting.relation) for sighting in seen] == [("n+1", None)]


def test_batches_are_innocent(seen, rows):
    def batches() -> None:
        for start in range(5):
            list(Author.objects.filter(pk__gt=start).order_by("pk")[:2])

    run(batches)
    assert seen == []


def test_two_are_too_few(seen, rows):
    run(lambda: [str(book.author) for book in Book.objects.all()[:2]])
    assert seen == []
