"""``json_bytes`` says what DjangoJSONEncoder says of ``values()``, its texts letter by letter."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, models
from django.db.models import Avg, Count, F, Q, Sum, Value
from django.db.models.functions import TruncDay
from django.test import override_settings
from django.test.utils import isolate_apps
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.db.querysets import CASES
from tests.db.shelf.models import Every, Shelf, Stock
from tests.db.test_bulk_copy import FIELDS
from tests.queries.corpus.models import Author, Book, Category, Novel, Publisher, Review, Tag
from unhurried.db import DbError, json_bytes
from unhurried.db._json import _python
from unhurried.queries import count_queries

pytestmark = pytest.mark.django_db


def wanted(rows: Any) -> Any:
    return json.loads(json.dumps(list(rows), cls=DjangoJSONEncoder))


def names(queryset: Any) -> list[str]:
    fields = [f.attname for f in queryset.model._meta.concrete_fields if f.name != "raw"]
    return [*fields, *queryset.query.annotations]


@pytest.fixture
def in_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any) -> Any:
        raise AssertionError("this one is built in the database")

    monkeypatch.setattr(_python, "array", refuse)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_what_values_say(case: Any, filled: Any) -> None:
    for args in case.calls:
        queryset = case.build(*args)
        said = json.loads(json_bytes(queryset, names(queryset)))
        assert said == wanted(case.build(*args).values(*names(queryset)))


VALUES = {
    "values": lambda: Book.objects.values("title", "year").order_by("pk"),
    "values of a relation": lambda: Book.objects.values("author__name", "pk").order_by("pk"),
    "groups": lambda: Book.objects.values("category").annotate(n=Count("pk")).order_by("category"),
    "sums": lambda: Book.objects.values("author").annotate(y=Sum("year")).order_by("author"),
    "averages": lambda: Review.objects.values("reviewer").annotate(a=Avg("stars")).order_by("pk"),
    "an annotation first": lambda: (
        Book.objects.annotate(a=Value(1)).values("a", "pk").order_by("pk")
    ),
    "days": lambda: Every.objects.annotate(d=TruncDay("moment")).values("d").order_by("pk"),
    "a condition": lambda: Book.objects.annotate(q=Q(year__gt=2004)).values("q").order_by("pk"),
    "a key of JSON": lambda: Every.objects.values("data__a").order_by("pk"),
    "distinct": lambda: Book.objects.values("price").distinct(),
    "distinct in another order": lambda: Tag.objects.values("name").order_by("book__pk").distinct(),
    "union": lambda: (
        Tag.objects.values("name").union(Author.objects.values("name")).order_by("name")
    ),
    "none": lambda: Book.objects.none().values("title"),
    "impossible": lambda: Book.objects.filter(pk__in=[]).values("title"),
    "average price": lambda: Every.objects.values("flag").annotate(p=Avg("price")).order_by("flag"),
    "aggregate of nothing": lambda: (
        Book.objects.filter(pk=0).annotate(s=Sum("review__stars")).values("s")
    ),
}


@pytest.mark.parametrize("queryset", VALUES.values(), ids=VALUES)
def test_querysets_of_values(queryset: Any, filled: Any) -> None:
    assert json.loads(json_bytes(queryset())) == wanted(queryset())


def test_all_that_values_names_by_default(filled: Any) -> None:
    with_more = Book.objects.annotate(next=F("year") + 1).order_by("pk")
    assert json.loads(json_bytes(with_more)) == wanted(with_more.values())
    assert json.loads(json_bytes(Tag.objects)) == wanted(Tag.objects.values())


def test_one_statement_in_the_database(filled: Any, in_the_database: Any) -> None:
    with count_queries() as queries:
        body = json_bytes(
            Book.objects.order_by("pk"),
            ["id", "title"],
            nested={"author": ["name", {"country": ["name"]}], "tags": ["name"]},
        )
    assert queries.total == 1
    assert json.loads(body) == [
        {
            "id": book.pk,
            "title": book.title,
            "author": {"name": book.author.name, "country": {"name": book.author.country.name}},
            "tags": [{"name": tag.name} for tag in book.tags.all()],
        }
        for book in Book.objects.order_by("pk")
    ]


def test_keys_of_ones_own(filled: Any) -> None:
    said = json_bytes(Book.objects.filter(pk=1), {"Titel": "title", "who": "author__name"})
    assert json.loads(said) == [{"Titel": "book 1", "who": "author 1"}]


NESTED: dict[str, tuple[Any, Any, Any]] = {
    "null": (
        Book.objects.order_by("pk"),
        {"editor": ["name"]},
        lambda b: {"editor": b.editor and {"name": b.editor.name}},
    ),
    "reverse": (
        Author.objects.order_by("pk"),
        {"book_set": ["id", "title"]},
        lambda a: {"book_set": [{"id": b.pk, "title": b.title} for b in a.book_set.all()]},
    ),
    "related name": (
        Publisher.objects.order_by("pk"),
        {"books": ["title"]},
        lambda p: {"books": [{"title": b.title} for b in p.books.all()]},
    ),
    "reverse of one": (
        Author.objects.order_by("pk"),
        {"profile": ["motto"]},
        lambda a: {"profile": {"motto": a.profile.motto}},
    ),
    "many, backwards": (
        Tag.objects.order_by("pk"),
        {"book_set": ["title"]},
        lambda t: {"book_set": [{"title": b.title} for b in t.book_set.order_by("pk")]},
    ),
    "hidden": (
        Book.objects.order_by("pk"),
        {"fans": ["name"]},
        lambda b: {"fans": [{"name": a.name} for a in b.fans.all()]},
    ),
    "itself": (
        Category.objects.order_by("pk"),
        {"parent": ["name", {"parent": ["name"]}], "children": ["name"]},
        lambda c: {
            "parent": c.parent
            and {
                "name": c.parent.name,
                "parent": c.parent.parent and {"name": c.parent.parent.name},
            },
            "children": [{"name": k.name} for k in c.children.order_by("pk")],
        },
    ),
    "many in many": (
        Author.objects.order_by("pk"),
        {"book_set": ["title", {"tags": ["name"], "publisher": ["name"]}]},
        lambda a: {
            "book_set": [
                {
                    "title": b.title,
                    "tags": [{"name": t.name} for t in b.tags.order_by("pk")],
                    "publisher": {"name": b.publisher.name},
                }
                for b in a.book_set.all()
            ]
        },
    ),
    "many of one": (
        Book.objects.order_by("pk"),
        {"author": ["name", {"book_set": ["title"]}]},
        lambda b: {
            "author": {
                "name": b.author.name,
                "book_set": [{"title": o.title} for o in b.author.book_set.all()],
            }
        },
    ),
    "of a child": (
        Novel.objects.order_by("pk"),
        {"author": ["name"], "tags": ["name"]},
        lambda n: {
            "author": {"name": n.author.name},
            "tags": [{"name": t.name} for t in n.tags.order_by("pk")],
        },
    ),
    "filtered, ordered, cut": (
        Book.objects.order_by("pk"),
        {"tags": (Tag.objects.filter(pk__gt=1).order_by("-pk")[:1], ["name"])},
        lambda b: {"tags": [{"name": t.name} for t in b.tags.filter(pk__gt=1).order_by("-pk")[:1]]},
    ),
    "counted": (
        Author.objects.annotate(n=Count("book")).order_by("pk"),
        {"book_set": ["title"]},
        lambda a: {"book_set": [{"title": b.title} for b in a.book_set.all()]},
    ),
    "distinct": (
        Author.objects.filter(book__year__gt=2000).distinct().order_by("pk"),
        {"book_set": ["title"]},
        lambda a: {"book_set": [{"title": b.title} for b in a.book_set.all()]},
    ),
    "cut": (
        Author.objects.order_by("-pk")[1:4],
        {"book_set": ["title"]},
        lambda a: {"book_set": [{"title": b.title} for b in a.book_set.all()]},
    ),
}


@pytest.mark.parametrize("what", NESTED)
def test_nested(what: str, filled: Any, in_the_database: Any) -> None:
    queryset, nested, by_hand = NESTED[what]
    said = json.loads(json_bytes(queryset.all(), ["pk"], nested=nested))
    assert said == [{"pk": each.pk, **by_hand(each)} for each in queryset.all()]


def test_arrays_beside_a_column_of_pythons(filled: Any) -> None:
    said = json_bytes(Every.objects.order_by("pk"), ["shout"], nested={"shelf": ["name"]})
    assert json.loads(said) == [
        {"shout": each.shout, "shelf": each.shelf and {"name": each.shelf.name}}
        for each in Every.objects.order_by("pk")
    ]


REFUSED: dict[str, tuple[Any, Any, Any, str]] = {
    "field": (Book.objects.all(), ["titel"], None, "'titel'"),
    "relation": (Book.objects.all(), ["title"], {"tag": ["name"]}, "has no relation 'tag'"),
    "no relation": (Book.objects.all(), ["title"], {"year": ["name"]}, "year is no relation"),
    "text": (Book.objects.all(), "title", None, "'title' is one text"),
    "nested text": (Book.objects.all(), ["title"], {"author": "name"}, "is a str"),
    "bytes": (Every.objects.all(), ["raw"], None, "JSON has no bytes"),
    "list": ([], ["raw"], None, "reads a queryset, not a list"),
    "generic": (Book.objects.all(), ["title"], {"notes": ["text"]}, "generic relation"),
    "of Python in an array": (Shelf.objects.all(), [], {"every_set": ["shout"]}, "Python alone"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_wrong_is_named(what: str) -> None:
    queryset, fields, nested, why = REFUSED[what]
    with pytest.raises(DbError) as raised:
        json_bytes(queryset, fields, nested=nested)
    assert why in str(raised.value)


@isolate_apps("tests.db.shelf")
def test_a_value_that_json_does_not_know_is_named_by_its_field() -> None:
    """A package's own field may make anything of a column."""

    class Stream(models.TextField):  # type: ignore[type-arg]
        def from_db_value(self, value: str, *args: Any) -> object:
            return object()

    class Told(models.Model):
        body = Stream(db_column="name")

        class Meta:
            app_label = "shelf"
            managed = False
            db_table = Shelf._meta.db_table

        def __str__(self) -> str:
            return str(self.body)

    Shelf.objects.create(name="one")
    with pytest.raises(DbError, match="'body' is a object there, which JSON does not know"):
        json_bytes(Told.objects.all(), ["body"])


odd_texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | odd_texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3),
)
TOLD = {name: FIELDS[name] for name in FIELDS if name not in ("raw", "data", "shelf", "other")}
TOLD |= {"data": documents, "ratio": st.floats(allow_nan=False, allow_infinity=False)}


@pytest.mark.long
@given(values=st.fixed_dictionaries({}, optional=TOLD))
@settings(
    deadline=None,
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_each_field_is_told_as_djangos_encoder_tells_it(values: Any) -> None:
    Every.objects.all().delete()
    Every.objects.create(**values)
    told = [f.attname for f in Every._meta.concrete_fields if f.name not in ("raw", "shout")]
    bare = [name for name in told if name != "ratio"]  # which SQLite leaves to Python
    for fields in (bare, told, ["shout", *told]):
        said = json.loads(json_bytes(Every.objects.all(), fields))
        assert said == wanted(Every.objects.values(*fields))


def test_the_whole_row_is_built_in_the_database(filled: Any, in_the_database: Any) -> None:
    never = {"raw", "shout", *(["ratio"] if connection.vendor == "sqlite" else [])}
    told = [f.attname for f in Every._meta.concrete_fields if f.name not in never]
    found = json.loads(json_bytes(Every.objects.order_by("pk"), told))
    assert found == wanted(Every.objects.order_by("pk").values(*told))


@given(
    st.dictionaries(odd_texts, st.sampled_from(["name", "books"]), min_size=1, max_size=5),
    odd_texts,
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_keys_and_values_are_never_sql(keys: dict[str, str], text: str) -> None:
    Shelf.objects.all().delete()
    shelf = Shelf.objects.create(name=text[:20], room=text[:20])
    said = json.loads(json_bytes(Shelf.objects.filter(room=text[:20]), keys))
    assert said == [{key: getattr(shelf, name) for key, name in keys.items()}]


@pytest.mark.parametrize("number", [float("inf"), float("-inf")])
def test_what_is_no_number_of_json_is_null(number: float) -> None:
    Every.objects.all().delete()
    Every.objects.create(ratio=number, shout="x")
    assert json.loads(json_bytes(Every.objects.all(), ["ratio"])) == [{"ratio": None}]
    assert json.loads(json_bytes(Every.objects.all(), ["ratio", "shout"]))[0]["ratio"] is None


def test_many_keys_go_through_python() -> None:
    Shelf.objects.all().delete()
    Shelf.objects.create(name="a")
    keys = {f"key {n}": "name" for n in range(200)}
    assert json.loads(json_bytes(Shelf.objects.all(), keys)) == [dict.fromkeys(keys, "a")]


def test_without_zones(filled: Any) -> None:
    if connection.vendor == "sqlite":
        with override_settings(USE_TZ=False):
            names = ["moment", "day"]
            said = json.loads(json_bytes(Every.objects.order_by("pk"), names))
            assert said == wanted(Every.objects.order_by("pk").values(*names))
    with override_settings(TIME_ZONE="Asia/Tokyo"):
        said = json.loads(json_bytes(Every.objects.order_by("pk"), ["moment"]))
        assert said == wanted(Every.objects.order_by("pk").values("moment"))


NOTHING = {
    "none": lambda: Stock.objects.none(),
    "in nothing": lambda: Stock.objects.filter(pk__in=[]),
    "no slice": lambda: Stock.objects.order_by("pk")[:0],
}


@pytest.mark.parametrize("name", NOTHING)
@pytest.mark.parametrize("fields", [["name"], ["name", "ratio"]], ids=["by SQL", "by Python"])
def test_rows_inside_that_are_known_to_be_none(name: str, fields: list[str]) -> None:
    Shelf.objects.all().delete()
    Shelf.objects.create(name="a")
    ratio = Value(1.5, output_field=models.FloatField())
    rows = json.loads(
        json_bytes(
            Shelf.objects.annotate(ratio=ratio),
            fields,
            nested={"stock": (NOTHING[name](), ["title"])},
        )
    )
    assert [row["stock"] for row in rows] == [[]]


def test_columns_of_extra() -> None:
    Shelf.objects.create(name="a")
    rows = Shelf.objects.extra(select={"more": "1 + 1"})
    assert json.loads(json_bytes(rows)) == wanted(rows.values())


@isolate_apps("tests.db.shelf")
@pytest.mark.django_db(transaction=True)
def test_rows_inside_by_another_column_than_the_key() -> None:
    class Code(models.Model):
        code = models.CharField(max_length=5, unique=True)

        class Meta:
            app_label = "shelf"

        def __str__(self) -> str:
            return self.code

    class Item(models.Model):
        name = models.CharField(max_length=5)
        code = models.ForeignKey(Code, models.CASCADE, to_field="code", related_name="items")

        class Meta:
            app_label = "shelf"

        def __str__(self) -> str:
            return self.name

    with connection.schema_editor() as editor:
        editor.create_model(Code)
        editor.create_model(Item)
    try:
        one, _ = Code.objects.create(code="1x"), Code.objects.create(code="1")
        Item.objects.create(name="i", code=one)
        found = json_bytes(Code.objects.order_by("pk"), ["code"], nested={"items": ["name"]})
        assert json.loads(found) == [
            {"code": "1x", "items": [{"name": "i"}]},
            {"code": "1", "items": []},
        ]
    finally:
        with connection.schema_editor() as editor:
            editor.delete_model(Item)
            editor.delete_model(Code)


def test_one_key_for_two_things() -> None:
    with pytest.raises(DbError, match="'shelf' is a field and what is nested") as refused:
        json_bytes(Every.objects.all(), ["number", "shelf"], nested={"shelf": ["name"]})
    assert '{"shelf_id": "shelf"}' in str(refused.value)


@pytest.mark.skipif(connection.vendor != "sqlite", reason="elsewhere they are no floats")
def test_decimals_that_something_else_has_stored(in_the_database: Any) -> None:
    """A sum, a rate, another program: floats between two units, which Django rounds."""

    @settings(deadline=None, max_examples=100)
    @given(
        st.lists(
            st.floats(-9e8, 9e8)
            | st.integers(-(10**6), 10**6).map(lambda n: (n + 0.5) / 1000)
            | st.integers(-(9**9), 9**9)
            | st.sampled_from([1.0005, 1.0015, 2.6745, -0.0, -1e-7, 0.1 + 0.2, 99999999.9995]),
            max_size=9,
        )
    )
    def each(prices: list[Any]) -> None:
        Every.objects.all().delete()
        with connection.cursor() as cursor:
            pairs = [(price,) for price in prices]
            cursor.executemany("INSERT INTO shelf_every (price) VALUES (%s)", pairs)
        rows = Every.objects.order_by("pk")
        assert json.loads(json_bytes(rows, ["price"])) == wanted(rows.values("price"))

    each()
    shelf = Shelf.objects.create(name="a")
    Every.objects.create(shelf=shelf)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE shelf_every SET price = 1.0005, shelf_id = %s", [shelf.pk])
    said = json.loads(json_bytes(Shelf.objects.all(), [], nested={"every_set": ["price"]}))
    assert said[0]["every_set"][-1] == {"price": str(Every.objects.last().price)}


def test_what_is_said_to_be_an_integer_is_one(in_the_database: Any) -> None:
    for n, ratio in enumerate([2.5, -2.5, 0.0, -0.5, 1e15 + 0.5, None]):
        Every.objects.create(number=n, ratio=ratio, price=ratio and min(ratio, 1e6), flag=n > 2)
    whole = models.IntegerField()
    rows = Every.objects.order_by("pk").annotate(
        a=models.ExpressionWrapper(F("ratio"), output_field=whole),
        b=models.ExpressionWrapper(F("price") * 3, output_field=whole),
        c=models.ExpressionWrapper(Q(flag=True), output_field=whole),
        d=models.ExpressionWrapper(F("number") + 1, output_field=whole),
    )
    assert json.loads(json_bytes(rows, ["a", "b", "c", "d"])) == wanted(rows.values(*"abcd"))
    means = Every.objects.values("flag").order_by("flag")
    means = means.annotate(mean=Avg("number", output_field=whole), n=Count("pk"))
    assert json.loads(json_bytes(means)) == wanted(means)


def test_the_longest_durations(in_the_database: Any) -> None:
    most = timedelta.max if connection.vendor == "postgresql" else timedelta(microseconds=2**62)
    least = timedelta.min if connection.vendor == "postgresql" else -most
    for took in (most, least, timedelta(days=-1), timedelta(days=1, microseconds=-1), timedelta(0)):
        Every.objects.create(took=took)
    rows = Every.objects.order_by("pk")
    assert json.loads(json_bytes(rows, ["took"])) == wanted(rows.values("took"))
