"""Querysets of many shapes, each a function of its arguments, with arguments to call it by.

After the shapes of Django's own tests of queries: lookups, joins, exclusions, expressions,
subqueries, aggregates, unions, related managers.
"""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.models import User
from django.db.models import (
    Avg,
    Case,
    CharField,
    Count,
    Exists,
    F,
    FilteredRelation,
    IntegerField,
    Max,
    OuterRef,
    Prefetch,
    Q,
    Subquery,
    Sum,
    Value,
    When,
    Window,
)
from django.db.models.functions import Coalesce, Concat, ExtractYear, Length, RowNumber, Upper

from tests.db.shelf.models import Every, Filled, Restaurant, Tree
from tests.db.shelf.models import Shelf as Board
from tests.queries.corpus.models import (
    Author,
    Book,
    Category,
    Classic,
    Loan,
    Note,
    Novel,
    Passport,
    Publisher,
    Review,
    Tag,
)


class Case_(NamedTuple):  # noqa: N801 - Case is Django's
    name: str
    build: Callable[..., Any]
    calls: list[tuple[Any, ...]]


#: Filters of books, and what to call them with.
FILTERS: list[tuple[Callable[..., Any], list[tuple[Any, ...]]]] = [
    (lambda: Book.objects.all(), [()]),
    (lambda pk: Book.objects.filter(pk=pk), [(1,), (3,), (99,), ("2",)]),
    (lambda title: Book.objects.filter(title=title), [("book 1",), ("",), ("it's \\ % _",)]),
    (lambda title: Book.objects.filter(title__iexact=title), [("BOOK 2",), ("book 3",), (None,)]),
    (lambda part: Book.objects.filter(title__contains=part), [("k 4",), ("%",), ("_",), ("\\",)]),
    (lambda part: Book.objects.filter(title__icontains=part), [("K 4",), ("",)]),
    (lambda part: Book.objects.filter(title__startswith=part), [("book",), ("%",)]),
    (lambda part: Book.objects.filter(title__istartswith=part), [("BOO",), ("x",)]),
    (lambda part: Book.objects.filter(title__endswith=part), [("5",), ("k",)]),
    (lambda part: Book.objects.filter(title__regex=part), [("^book [1-3]$",), ("z",)]),
    (lambda year: Book.objects.filter(year__gt=year), [(2003,), (0,), (2**40,)]),
    (lambda year: Book.objects.filter(year__gte=year), [(2004,), (2004.5,)]),
    (lambda year: Book.objects.filter(year__lt=year), [(2004,), (-(2**70),)]),
    (lambda year: Book.objects.filter(year__lte=year), [(2004,), (Decimal("2003.9"),)]),
    (lambda a, b: Book.objects.filter(year__range=(a, b)), [(2002, 2005), (2009, 2001)]),
    (lambda keys: Book.objects.filter(pk__in=keys), [([1, 2],), ([5],), ([],), ([1, 2, 2],)]),
    (lambda keys: Book.objects.exclude(pk__in=keys), [([1, 2],), ([],), ((3, 4, 5),)]),
    (lambda a, b: Book.objects.filter(pk__in=[a, b, 4]), [(1, 2), (4, 4)]),
    (lambda author: Book.objects.filter(author=author), [(1,), (7,), ("3",)]),
    (lambda author: Book.objects.filter(author_id=author), [(2,), (0,)]),
    (lambda name: Book.objects.filter(author__name=name), [("author 3",), ("nobody",)]),
    (lambda name: Book.objects.filter(author__country__name=name), [("country 4",)]),
    (lambda name: Book.objects.exclude(author__name=name), [("author 3",), ("nobody",)]),
    (lambda editor: Book.objects.filter(editor=editor), [(2,), (None,), (8,)]),
    (lambda editor: Book.objects.exclude(editor=editor), [(2,), (None,)]),
    (lambda none: Book.objects.filter(editor__isnull=none), [(True,), (False,)]),
    (lambda tag: Book.objects.filter(tags=tag), [(1,), (4,)]),
    (lambda tag: Book.objects.filter(tags__name=tag), [("tag 2",), ("no",)]),
    (lambda tag: Book.objects.exclude(tags__name=tag), [("tag 2",), ("no",)]),
    (lambda a, b: Book.objects.filter(Q(pk=a) | Q(author__name=b)), [(1, "author 5"), (9, "x")]),
    (lambda a, b: Book.objects.filter(Q(pk=a) & ~Q(title=b)), [(1, "book 1"), (2, "book 1")]),
    (lambda a, keys: Book.objects.filter(Q(pk=a) | Q(pk__in=keys)), [(1, []), (1, [2, 3])]),
    (lambda year: Book.objects.filter(year=F("pk") + year), [(2000,), (1,)]),
    (lambda n: Book.objects.filter(year__gt=F("price") * n), [(100,), (1000,)]),
    (lambda stars: Book.objects.filter(review__stars__gte=stars), [(3,), (5,)]),
    (lambda text: Book.objects.filter(notes__text__startswith=text), [("note",), ("x",)]),
    (
        lambda name: Book.objects.filter(
            Exists(Tag.objects.filter(book=OuterRef("pk"), name=name))
        ),
        [("tag 1",), ("none",)],
    ),
    (
        lambda name: Book.objects.filter(author__in=Author.objects.filter(name__contains=name)),
        [("author",), ("5",)],
    ),
    (
        lambda keys: Book.objects.filter(author__in=Author.objects.filter(pk__in=keys)),
        [([1, 3],), ([],)],
    ),
    (lambda n: Book.objects.annotate(tagged=Count("tags")).filter(tagged__gte=n), [(1,), (3,)]),
    (lambda y: Book.objects.annotate(age=Value(2030) - F("year")).filter(age__lt=y), [(25,), (9,)]),
    (lambda c: Book.objects.filter(category=c), [(1,), (None,)]),
    (lambda up: Book.objects.filter(category__parent__parent=up), [(1,), (None,)]),
    (lambda y: Book.objects.cheap().filter(year=y), [(2003,), (1990,)]),
    (lambda y: Book.novelties.filter(year=y), [(2003,), (1990,)]),
    (lambda pk: Book.objects.none().filter(pk=pk), [(1,)]),
    (lambda n: Book.objects.filter(year__gte=2000 + n), [(3,), (5,)]),
    (lambda flag: Book.objects.filter(year=2003 if flag else 2004), [(True,), (False,)]),
    (
        lambda kind: Book.objects.filter(pk=1) if kind == "a" else Book.objects.all(),
        [("a",), ("b",)],
    ),
]

#: What becomes of them.
SHAPES: dict[str, Callable[[Any], Any]] = {
    "ordered": lambda rows: rows.order_by("-year", "pk"),
    "with author": lambda rows: rows.select_related("author").order_by("pk"),
    "with all": lambda rows: rows.select_related(
        "author__country", "editor", "publisher", "category__parent"
    ).order_by("pk"),
    "with passport": lambda rows: rows.select_related("author__passport").order_by("pk"),
    "only": lambda rows: rows.only("title", "author__name").select_related("author").order_by("pk"),
    "defer": lambda rows: rows.defer("summary", "year").order_by("pk"),
    "annotated": lambda rows: rows.annotate(
        upper=Upper("title"), mark=Value("x"), size=Length("title")
    ).order_by("pk"),
    "counted": lambda rows: rows.annotate(
        reviews=Count("review"), best=Max("review__stars")
    ).order_by("pk"),
    "prefetched": lambda rows: rows.prefetch_related("tags", "review_set__reviewer").order_by("pk"),
    "prefetched to": lambda rows: rows.prefetch_related(
        Prefetch("tags", Tag.objects.filter(pk__gt=2).order_by("-pk"), to_attr="high")
    ).order_by("pk"),
    "distinct": lambda rows: rows.distinct().order_by("pk"),
    "reversed": lambda rows: rows.order_by("pk").reverse(),
    "first three": lambda rows: rows.order_by("pk")[:3],
    "from the third": lambda rows: rows.order_by("pk")[2:5],
    "ordered by a join": lambda rows: rows.order_by("-author__country__name", "pk"),
    "first review": lambda rows: rows.annotate(
        first=Subquery(
            Review.objects.filter(book=OuterRef("pk")).order_by("pk").values("stars")[:1]
        )
    ).order_by("pk"),
}


def _shaped(build: Callable[..., Any], shape: Callable[[Any], Any]) -> Callable[..., Any]:
    """With the names of ``build``'s arguments."""

    def shaped(*args: Any) -> Any:
        return shape(build(*args))

    shaped.__wrapped__ = build  # type: ignore[attr-defined]
    return shaped


def _of_filters() -> list[Case_]:
    """Each filter in four shapes, so that each shape has many filters."""
    names = list(SHAPES)
    found = []
    for number, (build, calls) in enumerate(FILTERS):
        for k in range(4):
            name = names[(number * 4 + k + number // 4) % len(names)]
            found.append(Case_(f"{number} {name}", _shaped(build, SHAPES[name]), calls))
    return found


OTHERS: list[tuple[str, Callable[..., Any], list[tuple[Any, ...]]]] = [
    ("page", lambda a, n: Book.objects.order_by("pk")[a : a + n], [(0, 3), (2, 2), (9, 5)]),
    ("order", lambda name: Book.objects.order_by(name, "pk"), [("year",), ("-title",)]),
    ("columns", lambda name: Book.objects.only(name).order_by("pk"), [("title",), ("year",)]),
    ("using", lambda alias: Book.objects.using(alias).order_by("pk"), [("default",)]),
    ("lower", lambda t: Book.objects.filter(title=t.lower()), [("BOOK 1",), ("x",)]),
    ("value", lambda t: Book.objects.annotate(t=Value(t)).order_by("pk"), [("a",), ("b",)]),
    (
        "number",
        lambda n: Book.objects.annotate(sum=F("year") + n, less=n - F("year")).order_by("pk"),
        [(5,), (7,)],
    ),
    (
        "case",
        lambda y, w: Book.objects.annotate(
            old=Case(
                When(year__lt=y, then=Value(w)), default=Value("new"), output_field=CharField()
            )
        ).order_by("pk"),
        [(2004, "old"), (1, "x")],
    ),
    (
        "condition",
        lambda y: Book.objects.annotate(late=Count("pk", filter=Q(year__gt=y))).order_by("pk"),
        [(2004,), (1,)],
    ),
    (
        "filtered relation",
        lambda s: (
            Book.objects.annotate(
                good=FilteredRelation("review", condition=Q(review__stars__gte=s))
            )
            .filter(good__isnull=False)
            .order_by("pk")
        ),
        [(3,), (5,)],
    ),
    (
        "window",
        lambda y: (
            Book.objects.filter(year__gt=y)
            .annotate(row=Window(RowNumber(), order_by="year"))
            .order_by("pk")
        ),
        [(2001,), (2005,)],
    ),
    (
        "union",
        lambda a, b: Book.objects.filter(pk=a).union(Book.objects.filter(pk=b)).order_by("pk"),
        [(1, 2), (3, 3)],
    ),
    (
        "intersection",
        lambda a: Book.objects.filter(pk__gt=a).intersection(Book.objects.filter(year__lt=2006)),
        [(1,), (4,)],
    ),
    (
        "prefetch of an argument",
        lambda n: Book.objects.prefetch_related(
            Prefetch("tags", Tag.objects.filter(pk__gt=n), to_attr="some")
        ).order_by("pk"),
        [(2,), (6,)],
    ),
    ("concat", lambda n: Book.objects.filter(title=Concat(Value("book "), "pk")), [(1,)]),
    (
        "coalesce",
        lambda n: Book.objects.filter(pk=Coalesce("editor", n)).order_by("pk"),
        [(8,), (1,)],
    ),
    ("novels", lambda g: Novel.objects.filter(genre=g).order_by("pk"), [("crime",), ("x",)]),
    ("novel's title", lambda t: Novel.objects.filter(title=t), [("book 1",), ("book 8",)]),
    (
        "novel's parent",
        lambda t: Novel.objects.select_related("book_ptr").filter(title=t),
        [("book 2",)],
    ),
    ("book's novel", lambda g: Book.objects.filter(novel__genre=g).order_by("pk"), [("crime",)]),
    (
        "book with novel",
        lambda y: Book.objects.select_related("novel").filter(year__gt=y).order_by("pk"),
        [(2004,)],
    ),
    ("proxy", lambda y: Classic.objects.filter(year=y), [(2001,), (1,)]),
    (
        "authors",
        lambda n: Author.objects.filter(book__year__gt=n).distinct().order_by("pk"),
        [(2004,)],
    ),
    (
        "authors' books",
        lambda n: (
            Author.objects.annotate(n=Count("book"), y=Avg("book__year"))
            .filter(n__gte=n)
            .order_by("pk")
        ),
        [(1,), (2,)],
    ),
    (
        "author's profile",
        lambda m: Author.objects.select_related("profile", "passport").filter(profile__motto=m),
        [("motto 2",)],
    ),
    ("passports", lambda n: Passport.objects.select_related("author").filter(number=n), [("P1",)]),
    (
        "categories",
        lambda n: Category.objects.select_related("parent__parent").filter(name=n),
        [("category 7",)],
    ),
    ("children", lambda n: Category.objects.filter(children__name=n), [("category 7",)]),
    (
        "notes",
        lambda t: Note.objects.filter(text__endswith=t).prefetch_related("target").order_by("pk"),
        [("3",)],
    ),
    (
        "reviews",
        lambda s: (
            Review.objects.filter(stars=s).select_related("book__author", "reviewer").order_by("pk")
        ),
        [(3,)],
    ),
    (
        "loans",
        lambda b: Loan.objects.filter(borrower=b).select_related("book", "shelf"),
        [("borrower 1",)],
    ),
    (
        "publishers",
        lambda n: Publisher.objects.filter(books__title=n).prefetch_related("books"),
        [("book 1",)],
    ),
    (
        "tags",
        lambda n: Tag.objects.annotate(n=Count("book")).filter(n__gt=n).order_by("pk"),
        [(0,), (1,)],
    ),
    (
        "sum",
        lambda n: Tag.objects.annotate(y=Sum("book__year")).filter(y__gt=n).order_by("pk"),
        [(2002,)],
    ),
    ("users", lambda n: User.objects.filter(username=n), [("reader",), ("no",)]),
    (
        "permissions",
        lambda n: User.objects.filter(user_permissions__codename__contains=n).distinct(),
        [("add",)],
    ),
    ("every", lambda n: Every.objects.filter(number=n), [(1,), (None,), (2**31,)]),
    (
        "every text",
        lambda t: Every.objects.filter(text__contains=t).order_by("pk"),
        [("x",), ("'",)],
    ),
    (
        "every price",
        lambda p: Every.objects.filter(price__gte=p).order_by("pk"),
        [(Decimal("1.5"),), (2,), ("1.25",)],
    ),
    ("every ratio", lambda p: Every.objects.filter(ratio__lt=p).order_by("pk"), [(1.5,), (2,)]),
    (
        "every flag",
        lambda f: Every.objects.filter(flag=f).order_by("pk"),
        [(True,), (False,), (None,)],
    ),
    (
        "every moment",
        lambda m: Every.objects.filter(moment__gte=m).order_by("pk"),
        [(datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),)],
    ),
    (
        "every day of a moment",
        lambda d: Every.objects.filter(moment__date=d).order_by("pk"),
        [(datetime.date(2026, 3, 1),), (datetime.date(1999, 1, 1),)],
    ),
    (
        "every year",
        lambda y: Every.objects.filter(moment__year=y).order_by("pk"),
        [(2026,), (1999,)],
    ),
    (
        "every year after",
        lambda y: Every.objects.filter(day__year__gte=y).order_by("pk"),
        [(2026,), (2030,)],
    ),
    ("every month", lambda m: Every.objects.filter(day__month=m).order_by("pk"), [(3,), (4,)]),
    (
        "every day",
        lambda d: Every.objects.filter(day=d).order_by("pk"),
        [(datetime.date(2026, 3, 1),), ("2026-03-02",)],
    ),
    (
        "every hour",
        lambda h: Every.objects.filter(hour__lte=h).order_by("pk"),
        [(datetime.time(12, 30),)],
    ),
    (
        "every duration",
        lambda t: Every.objects.filter(took__gt=t).order_by("pk"),
        [(datetime.timedelta(seconds=61),)],
    ),
    ("every key", lambda k: Every.objects.filter(key=k), [("12345678123456781234567812345678",)]),
    (
        "every address",
        lambda a: Every.objects.filter(address=a).order_by("pk"),
        [("127.0.0.1",), ("::1",)],
    ),
    (
        "every json",
        lambda v: Every.objects.filter(data__a=v).order_by("pk"),
        [(1,), ("x",), (None,)],
    ),
    (
        "every json key",
        lambda k: Every.objects.filter(data__has_key=k).order_by("pk"),
        [("a",), ("'%s\"",)],
    ),
    (
        "every json whole",
        lambda v: Every.objects.filter(data=v).order_by("pk"),
        [({"a": 1},), ([1],)],
    ),
    ("every shout", lambda s: Every.objects.filter(shout=s), [("hey",), ("HEY",)]),
    ("every odd column", lambda n: Every.objects.filter(odd=n).order_by("pk"), [(5,)]),
    (
        "every shelf",
        lambda s: (
            Every.objects.select_related("shelf", "other").filter(shelf__name=s).order_by("pk")
        ),
        [("left",)],
    ),
    (
        "year of a moment",
        lambda n: Every.objects.annotate(y=ExtractYear("moment")).filter(y=n).order_by("pk"),
        [(2026,)],
    ),
    ("filled", lambda n: Filled.objects.filter(name=n), [("one",), ("x",)]),
    ("filled loud", lambda n: Filled.objects.filter(loud=n), [("ONE",), ("x",)]),
    ("restaurants", lambda n: Restaurant.objects.filter(name=n, stars__gte=1), [("one",)]),
    ("trees", lambda n: Tree.objects.filter(parent__name=n).select_related("parent"), [("root",)]),
    ("boards", lambda n: Board.objects.filter(every__number=n).distinct(), [(1,)]),
    (
        "cast",
        lambda n: Book.objects.annotate(n=Value(n, output_field=IntegerField())).order_by("pk"),
        [(1,)],
    ),
]

CASES = [*_of_filters(), *(Case_(*each) for each in OTHERS)]
