"""Serializers: djangorestframework's own, and classes of its shape written by hand."""

from __future__ import annotations

import json
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework import generics, serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from tests.queries.corpus.case import case, fetch, page, reads
from tests.queries.corpus.models import Author, Book, Tag


class Serializer:
    """The shape of one: fields by name, ``data`` of a row, of many when told so."""

    fields: tuple[str, ...] = ()

    def __init__(self, rows: Any, *, many: bool = False) -> None:
        self.rows, self.many = rows, many

    @property
    def data(self) -> Any:
        if self.many:
            return [self.one(row) for row in self.rows]
        return self.one(self.rows)

    def one(self, row: Any) -> dict[str, Any]:
        return {name: getattr(self, f"get_{name}")(row) for name in self.fields}


class AuthorShape(Serializer):
    fields = ("name", "country")

    def get_name(self, author: Author) -> str:
        return author.name

    def get_country(self, author: Author) -> str:
        return author.country.name  # loop: shape country


class BookShape(Serializer):
    fields = ("title", "author", "tags")

    def get_title(self, book: Book) -> str:
        return book.title

    def get_author(self, book: Book) -> dict[str, Any]:
        return AuthorShape(book.author).data  # loop: shape author

    def get_tags(self, book: Book) -> list[str]:
        return [tag.name for tag in book.tags.all()]  # loop: shape tags


@page("drf/shape/")
def shape(request: HttpRequest) -> HttpResponse:
    books = Book.objects.order_by("pk")  # origin: shape
    return JsonResponse(BookShape(books, many=True).data, safe=False)


@case(
    reads("Book.author", "author", "select_related", loop="shape author", origin="shape"),
    reads(
        "Author.country", "author__country", "select_related", loop="shape country", origin="shape"
    ),
    reads("Book.tags", "tags", "prefetch_related", loop="shape tags", origin="shape"),
    queries=25,
)
def written_by_hand() -> str:
    return fetch("/drf/shape/")


@case(queries=2)
def written_by_hand_and_fed_well() -> str:
    books = Book.objects.select_related("author__country").prefetch_related("tags")
    return json.dumps(BookShape(books, many=True).data)


class AuthorSerializer(serializers.ModelSerializer):
    class Meta:
        model = Author
        fields = ["name", "visits"]


class TagSerializer(serializers.ModelSerializer):
    class Meta:
        model = Tag
        fields = ["name"]


class BookSerializer(serializers.ModelSerializer):
    author = AuthorSerializer()

    class Meta:
        model = Book
        fields = ["title", "author"]


class NameSerializer(serializers.ModelSerializer):
    name = serializers.CharField(source="author.name")
    motto = serializers.CharField(source="author.profile.motto")

    class Meta:
        model = Book
        fields = ["name", "motto"]


class TagsSerializer(serializers.ModelSerializer):
    tags = TagSerializer(many=True)

    class Meta:
        model = Book
        fields = ["title", "tags"]


class MethodSerializer(serializers.ModelSerializer):
    author = serializers.SerializerMethodField()

    class Meta:
        model = Book
        fields = ["title", "author"]

    def get_author(self, book: Book) -> str:
        return book.author.name  # loop: method field


# DRF's fields are no lines of the project: the innermost one is where data was asked for.
@case(reads("Book.author", "author", "select_related"), queries=9)
def nested_serializer() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return json.dumps(BookSerializer(books, many=True).data)  # loop: a


@case(
    reads("Book.author", "author", "select_related"),
    reads("Author.profile", "author__profile", "select_related"),
    queries=17,
)
def field_with_a_source() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return json.dumps(NameSerializer(books, many=True).data)  # loop: a


@case(reads("Book.tags", "tags", "prefetch_related"), queries=9)
def nested_many() -> str:
    books = Book.objects.order_by("pk")  # origin: b
    return json.dumps(TagsSerializer(books, many=True).data)  # loop: a


@case(queries=2)
def nested_many_fed_well() -> str:
    books = Book.objects.prefetch_related("tags")
    return json.dumps(TagsSerializer(books, many=True).data)


@page("drf/view/")
class BooksView(APIView):
    renderer_classes = [JSONRenderer]

    def get(self, request: HttpRequest) -> Response:
        books = Book.objects.order_by("-pk")  # origin: api view
        return Response(BookSerializer(books, many=True).data)  # loop: api view


@case(
    reads("Book.author", "author", "select_related", loop="api view", origin="api view"),
    queries=9,
)
def api_view() -> str:
    return fetch("/drf/view/")


@page("drf/list/")
class BookList(generics.ListAPIView):
    renderer_classes = [JSONRenderer]
    serializer_class = MethodSerializer

    def get_queryset(self):
        return Book.objects.order_by("pk")  # origin: api list


@case(
    reads("Book.author", "author", "select_related", loop="method field", origin="api list"),
    queries=9,
)
def list_view_with_a_method_field() -> str:
    return fetch("/drf/list/")


@page("drf/list-joined/")
class JoinedBookList(generics.ListAPIView):
    renderer_classes = [JSONRenderer]
    serializer_class = BookSerializer
    queryset = Book.objects.select_related("author").order_by("pk")


@case(queries=1)
def list_view_fed_well() -> str:
    return fetch("/drf/list-joined/")
