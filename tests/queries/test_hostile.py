"""Whatever stands around a query: naming it runs none of the project's code, changes nothing."""

from __future__ import annotations

import pickle
import weakref
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model, QuerySet
from django.db.models.query import ModelIterable
from django.template import Context, Engine
from django.utils.functional import SimpleLazyObject, lazy
from django.utils.safestring import mark_safe

from tests.books.models import Author, Book
from unhurried.queries import count_queries

pytestmark = pytest.mark.django_db
ROWS = 3


class TouchedError(BaseException):
    """No ``except Exception`` of ours may hide that something was touched."""


def touched(*args: object, **kwargs: object) -> Any:
    raise TouchedError


NAMES = (
    *("__eq__", "__ne__", "__hash__", "__repr__", "__str__", "__bool__", "__len__", "__iter__"),
    *("__getattr__", "__call__", "__format__", "__reduce_ex__", "__contains__", "__getitem__"),
)


def hostile() -> dict[str, Any]:
    """Objects that raise when touched; made inside the tests, for pytest touches what it finds."""

    class Meta(type):
        __instancecheck__ = __subclasscheck__ = __getattr__ = __eq__ = touched
        __hash__ = type.__hash__

    class Deaf:
        def __getattribute__(self, name: str) -> Any:
            raise TouchedError

    return {
        "methods": type("Hostile", (), dict.fromkeys(NAMES, touched) | {"__slots__": ()})(),
        "metaclass": Meta("OfMeta", (), {})(),
        "class of a metaclass": Meta("OfMeta", (), {}),
        "claims a class": type("Claims", (), {"__class__": property(touched)})(),
        "deaf": Deaf(),
        "lazy object": SimpleLazyObject(touched),
        "lazy text": lazy(touched, str)(),
    }


class Frozen:
    __slots__ = ("book",)

    def __init__(self, book: Book) -> None:
        object.__setattr__(self, "book", book)

    __setattr__ = touched


@pytest.fixture(autouse=True)
def rows() -> None:
    for i in range(ROWS):
        Book.objects.create(title=f"book {i}", author=Author.objects.create(name=f"author {i}"))


def by_loop(books: Any) -> list[str]:
    return [book.author.name for book in books]


AUTHORS = [f"author {i}" for i in range(ROWS)]


@pytest.mark.parametrize("kind", hostile())
def test_locals_of_every_kind_are_left_alone(kind: str) -> None:
    def ask(argument: Any, context: Any, key: int) -> str:
        held = hostile()[kind]  # noqa: F841
        return Author.objects.get(pk=key).name

    first = hostile()[kind]
    with count_queries() as queries:
        for author in Author.objects.values_list("pk", flat=True):
            ask(first, first, author)
        for book in Book.objects.all():
            Author.objects.get(pk=book.author_id)
    assert queries.total == 2 * ROWS + 2
    assert {finding.kind for finding in queries.findings} == {"n+1"}


@pytest.mark.parametrize("kind", hostile())
def test_arguments_named_as_djangos_own_are_left_alone(kind: str) -> None:
    def ask(self: Any, queryset: Any, instance: Any, context: Any) -> int:
        return Author.objects.filter(name="x").count()

    thing = hostile()[kind]
    with count_queries() as queries:
        assert ask(thing, thing, thing, thing) == 0
    assert queries.total == 1


def test_a_row_in_a_frozen_object_is_read() -> None:
    with count_queries() as queries:
        assert [frozen.book.author.name for frozen in map(Frozen, Book.objects.all())] == AUTHORS
    (finding,) = queries.findings
    assert finding.relation == "books.Book.author"


def test_huge_locals_are_no_trouble() -> None:
    huge = {f"name{i}": i for i in range(50_000)}
    code = compile("found = [a.get(pk=key).name for key in keys]", "huge.py", "exec")
    keys = list(Author.objects.values_list("pk", flat=True))
    space = huge | {"a": Author.objects, "keys": keys}
    with count_queries() as queries:
        exec(code, space)
    assert space["found"] == AUTHORS
    assert queries.total == ROWS


def test_parameters_are_not_compared_by_their_own_code() -> None:
    class Key(int):
        __eq__ = __hash__ = __repr__ = touched

    with count_queries() as queries, connection.cursor() as cursor:
        for value in (1, 2, 2):
            cursor.execute("SELECT %s", [Key(value)])
    assert queries.total == 3


def test_what_was_put_into_locals_stays_there() -> None:
    """Before Python 3.13, looking at a function's variables writes its ``locals()`` anew."""

    def view(request: object) -> str:
        books = list(Book.objects.all())
        context = locals()
        context["books"] = [mark_safe("replaced")]
        for book in books:
            Author.objects.get(pk=book.author_id)
        list(Author.objects.all())
        template = Engine().from_string("{% for book in books %}{{ book }}{% endfor %}")
        return template.render(Context(context))

    plain = view(None)
    with count_queries():
        assert view(None) == plain == "replaced"


def test_a_property_called_queryset_is_not_asked() -> None:
    class Report(Author):
        queryset = property(touched)

        class Meta:
            app_label = "books"
            proxy = True

    with count_queries() as queries:
        for report in Report.objects.all():
            report.name += "!"
            report.save()
    assert [finding.kind for finding in queries.findings] == ["n+1"]


class OwnSignature(QuerySet):
    """A queryset with arguments of its own, as some libraries have."""

    def __init__(self, *args: Any, tenant: str = "none", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tenant = tenant

    def _clone(self) -> OwnSignature:
        clone = super()._clone()
        clone.tenant = self.tenant
        return clone


def test_a_queryset_with_its_own_signature_is_followed() -> None:
    with count_queries() as queries:
        books = OwnSignature(Book, tenant="one").filter(pk__gt=0).order_by("pk")
        assert by_loop(books) == AUTHORS
        assert books.tenant == "one"
    (finding,) = queries.findings
    assert finding.origin is not None
    assert finding.origin.endswith(f":{OWN_LINE}")


OWN_LINE = test_a_queryset_with_its_own_signature_is_followed.__code__.co_firstlineno + 2


class Pairs(ModelIterable):
    def __iter__(self) -> Any:
        for book in super().__iter__():
            yield book, "pair"


def test_an_iterable_class_of_the_projects_own_is_kept() -> None:
    with count_queries():
        books = Book.objects.order_by("pk")
        books._iterable_class = Pairs
        assert next((book.title, word) for book, word in books) == ("book 0", "pair")


def test_rows_that_are_no_instances_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """``from_db`` may be overridden, and return what it likes."""

    class Row:
        __slots__ = ("title",)

    def from_db(model: object, db: object, names: Any, values: Any, **kwargs: object) -> Row:
        row = Row()
        row.title = dict(zip(names, values, strict=True))["title"]
        return row

    monkeypatch.setattr(Book, "from_db", classmethod(from_db), raising=False)
    with count_queries():
        assert [row.title for row in Book.objects.order_by("pk")] == ["book 0", "book 1", "book 2"]


def test_setattr_of_a_model_hears_nothing_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[str] = []

    def listening(self: Model, name: str, value: object) -> None:
        heard.append(name)
        object.__setattr__(self, name, value)

    monkeypatch.setattr(Author, "__setattr__", listening, raising=False)
    plain = [author.book_set.count() for author in Author.objects.prefetch_related("book_set")]
    before, heard[:] = list(heard), []
    with count_queries():
        followed = [a.book_set.count() for a in Author.objects.prefetch_related("book_set")]
    assert followed == plain
    assert set(heard) <= set(before)


COMBINATIONS = {
    "all": lambda: Book.objects.all(),
    "sliced": lambda: Book.objects.order_by("pk")[:2],
    "union": lambda: Book.objects.filter(pk=1).union(Book.objects.exclude(pk=1)).order_by("pk"),
    "or": lambda: Book.objects.filter(title="book 0") | Book.objects.filter(title="book 1"),
    "and": lambda: Book.objects.filter(pk__gt=0) & Book.objects.exclude(title=""),
    "deferred": lambda: Book.objects.defer("title").order_by("pk"),
    "only": lambda: Book.objects.only("author").order_by("pk"),
    "joined": lambda: Book.objects.select_related("author").order_by("pk"),
    "prefetched": lambda: Book.objects.prefetch_related("author").order_by("pk"),
    "none": lambda: Book.objects.none(),
    "values": lambda: Book.objects.order_by("pk").values("title"),
    "raw": lambda: Book.objects.raw("SELECT * FROM books_book ORDER BY id"),
    "reversed": lambda: Book.objects.order_by("pk").reverse(),
    "dates": lambda: Book.objects.values_list("title", flat=True).distinct(),
}


def told(rows: Any) -> list[str]:
    return [f"{row.title} {row.author}" if isinstance(row, Book) else f"{row}" for row in rows]


@pytest.mark.parametrize("make", COMBINATIONS.values(), ids=COMBINATIONS)
def test_querysets_of_every_kind_say_the_same(make: Any) -> None:
    plain = told(make())
    with count_queries() as queries:
        assert told(make()) == plain
    assert queries.findings is not None
    assert str(queries.findings)


@pytest.mark.parametrize("name", [name for name in COMBINATIONS if name != "raw"])
def test_a_pickle_knows_nothing_of_us(name: str) -> None:
    """It may be read where we are not installed."""
    make = COMBINATIONS[name]
    with count_queries():
        rows = make()
        stored = pickle.dumps(rows)
        query = pickle.dumps(make().query)
    assert b"unhurried" not in stored.replace(b"_unhurried_origin", b"")
    assert b"unhurried." not in query
    again = pickle.loads(stored)
    assert told(again) == told(make())
    with count_queries():
        assert told(pickle.loads(stored)) == told(make())


def test_instances_come_back_from_a_pickle_as_they_were() -> None:
    with count_queries():
        books = list(Book.objects.select_related("author").order_by("pk"))
        stored = pickle.dumps(books)
    assert b"unhurried." not in stored
    back = pickle.loads(stored)
    assert [type(book._state.fields_cache) for book in back] == [dict] * ROWS
    assert [book.author.name for book in back] == AUTHORS


def test_variables_of_a_view_are_let_go() -> None:
    """Before Python 3.13, looking at a function's variables holds them until it returns."""

    class Held:
        pass

    def view(request: object, keys: list[int]) -> bool:
        held = Held()
        gone = weakref.ref(held)
        list(Author.objects.filter(pk__in=keys))
        Author.objects.count()
        del held
        return gone() is None

    with count_queries() as queries:
        assert view(None, [1, 2])
    assert queries.total == 2


def test_a_helper_that_is_given_a_queryset_makes_its_own() -> None:
    def of(authors: Any) -> Any:
        return Book.objects.filter(author__in=authors).order_by("pk")  # this line

    with count_queries() as queries:
        assert by_loop(of(Author.objects.all())) == AUTHORS
    (finding,) = queries.findings
    assert finding.origin is not None
    assert finding.origin.endswith(f":{of_line()}")


def of_line() -> int:
    return test_a_helper_that_is_given_a_queryset_makes_its_own.__code__.co_firstlineno + 2
