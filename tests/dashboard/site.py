"""A site with the pages that a badge may or may not stand on."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import include, path
from django.views.decorators.cache import cache_page
from django.views.decorators.http import condition

from tests.books.models import Author, Book
from unhurried.cache import cached_page

PAGE = (
    '<!doctype html><html lang="en"><head><title>A page</title><link rel="icon" href="data:,">'
    "</head><body><p>Grüße</p></BODY></html>"
)
LONG = "x" * 210
#: The strictest policy the dashboard works with.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'"
)


def strict_csp(get_response: Callable[[HttpRequest], HttpResponse]) -> Any:
    """Middleware."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return middleware


def page(request: HttpRequest) -> HttpResponse:
    """Does not look at its user."""
    return HttpResponse(PAGE)


async def apage(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE)


def personal(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.replace("Grüße", f"Hello {request.user.pk}"))


async def apersonal(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(PAGE.replace("Grüße", f"Hello {user.pk}"))


def with_queries(request: HttpRequest) -> HttpResponse:
    for _ in range(3):
        User.objects.count()
    return HttpResponse(PAGE)


def looping(request: HttpRequest) -> HttpResponse:
    """One query for the books, and one more for each of them."""
    titles = [f"{book.title} by {book.author.name}" for book in Book.objects.order_by("title")]
    return HttpResponse(PAGE.replace("Grüße", ", ".join(titles)))


def counting(request: HttpRequest) -> HttpResponse:
    for author in Author.objects.all():
        author.book_set.count()
    return HttpResponse(PAGE)


def fetching(request: HttpRequest) -> HttpResponse:
    for pk in list(Book.objects.values_list("author_id", flat=True)):
        Author.objects.get(pk=pk)
    return HttpResponse(PAGE)


def brotli(request: HttpRequest) -> HttpResponse:
    return HttpResponse(b"packed, </body> too", headers={"Content-Encoding": "br"})


def zipped(request: HttpRequest) -> HttpResponse:
    return HttpResponse(gzip.compress(PAGE.encode()), headers={"Content-Encoding": "gzip"})


def fragment(request: HttpRequest) -> HttpResponse:
    return HttpResponse("<li>one row</li>")


def json(request: HttpRequest) -> HttpResponse:
    return HttpResponse('{"a": "</body>"}', content_type="application/json")


def attachment(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE, headers={"Content-Disposition": "attachment; filename=a.html"})


def streamed(request: HttpRequest) -> HttpResponseBase:
    return StreamingHttpResponse([PAGE])


def gone(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE, status=410)


def latin(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.encode("latin-1"), content_type="text/html; charset=latin-1")


@condition(etag_func=lambda request: '"one"', last_modified_func=None)
def tagged(request: HttpRequest) -> HttpResponse:
    response = HttpResponse(PAGE)
    response["Content-Length"] = str(len(response.content))
    response["Last-Modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
    return response


def timed(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE, headers={"Server-Timing": "mine;dur=1"})


@cached_page(600)
def kept(request: HttpRequest) -> HttpResponse:
    return HttpResponse(PAGE.replace("Grüße", ", ".join(str(book) for book in Book.objects.all())))


@cached_page(600)
def greeting(request: HttpRequest) -> HttpResponse:
    """It is not kept: it is somebody's."""
    return HttpResponse(f"Hello, {request.user}")


def let_in(user: User | AnonymousUser) -> bool:
    return user.get_username() == "friend"


def boom(user: User | AnonymousUser) -> bool:
    raise OSError("the directory of users does not answer")


PAGES = [page, apage, personal, apersonal, with_queries, looping, counting, fetching, zipped]
PAGES += [brotli, kept, greeting]
PAGES += [fragment, json, attachment, streamed, gone, latin, tagged, timed]
urlpatterns = [
    *(path(f"{view.__name__}/", view) for view in PAGES),
    path("cached/", cache_page(60)(page)),
    path("", page),
    path("book/<int:pk>/", lambda request, pk: HttpResponse(PAGE)),
    path("with_queries_too/", lambda request: with_queries(request)),
    path("counted/<int:pk>/", lambda request, pk: with_queries(request)),
    path(f"{LONG}/", page),
    path("named/<str:name>/", lambda request, name: HttpResponse(PAGE)),
    path("login/", page, name="login"),
    path("unhurried/", include("unhurried.urls")),
]
