"""Pages that keep to a budget, or do not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from tests.books.models import Author, Book
from unhurried.queries import no_queries, query_budget

LIST = "{% for book in books %}{{ book.author.name }}\n{% endfor %}"


def books(request: HttpRequest) -> HttpResponse:
    names = [book.author.name for book in Book.objects.all()]
    return HttpResponse(", ".join(names))


def few(request: HttpRequest) -> HttpResponse:
    return HttpResponse(str(Book.objects.count()))


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_lines())


def _lines() -> Iterator[str]:
    for book in Book.objects.all():
        yield book.author.name


async def _alines() -> AsyncIterator[str]:
    async for book in Book.objects.select_related("author"):
        yield f"{book.author.name}{await Author.objects.acount()}"


@query_budget(2)
def decorated(request: HttpRequest) -> HttpResponse:
    return books(request)


@query_budget(2)
async def adecorated(request: HttpRequest) -> HttpResponse:
    return HttpResponse("".join([str(await Book.objects.acount()) for _ in range(3)]))


@query_budget(2)
def streamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_lines())


@query_budget(2)
async def astreamed(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(_alines())


def lazy_page(request: HttpRequest) -> TemplateResponse:
    template = engines["django"].from_string(LIST)
    return TemplateResponse(request, template, {"books": Book.objects.all()})  # type: ignore[arg-type]


rendered = query_budget(2)(lazy_page)


@method_decorator(query_budget(2), name="dispatch")
class Page(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return books(request)


@method_decorator(query_budget(2), name="dispatch")
class AsyncPage(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("".join([str(await Book.objects.acount()) for _ in range(3)]))


@no_queries()
def silent(request: HttpRequest) -> HttpResponse:
    return few(request)


pages: list[Any] = [
    path("", books),
    path("books/", books),
    path("few/", few),
    path("stream/", stream),
    path("decorated/", decorated),
    path("adecorated/", adecorated),
    path("streamed/", streamed),
    path("astreamed/", astreamed),
    path("rendered/", rendered),
    path("page/", Page.as_view()),
    path("apage/", AsyncPage.as_view()),
    path("silent/", silent),
]
urlpatterns = [*pages, path("shelf/<int:n>/", include([path("books/", lambda r, n: books(r))]))]
