"""Views that are cached in every way there is, and middleware that stands around them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from threading import Event
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import include, path
from django.utils import timezone, translation
from django.utils.decorators import method_decorator
from django.views.decorators.gzip import gzip_page
from django.views.generic import ListView, TemplateView, View

from tests.books.models import Author, Book
from unhurried.cache import cached_page

#: How often each view has run.
ran: Counter[str] = Counter()
#: What a test has told the views to do.
told: dict[str, Any] = {}
LONG = "All work and no play makes Jack a dull boy. " * 40


def text(source: str) -> Any:
    return engines["django"].from_string(source)


def titles() -> str:
    return ", ".join(Book.objects.order_by("pk").values_list("title", flat=True))


@cached_page(600, params=("page", "order"))
def book_list(request: HttpRequest) -> HttpResponse:
    ran["list"] += 1
    return HttpResponse(f"{titles()} page {request.GET.get('page', '1')}")


@cached_page(600)
def long(request: HttpRequest) -> HttpResponse:
    ran["long"] += 1
    return HttpResponse(f"{titles()} {LONG}")


@cached_page(600)
def book(request: HttpRequest, pk: int) -> HttpResponse:
    ran["book"] += 1
    return HttpResponse(get_object_or_404(Book, pk=pk).title)


@cached_page(600)
async def anames(request: HttpRequest) -> HttpResponse:
    ran["async"] += 1
    return HttpResponse(", ".join([book.title async for book in Book.objects.order_by("pk")]))


@cached_page(600)
def late(request: HttpRequest) -> TemplateResponse:
    """Asks the database while it is rendered, after the view has returned."""
    ran["late"] += 1
    found = Book.objects.order_by("pk")
    source = "{% for book in books %}{{ book.title }},{% endfor %}" + told.get("late", "")
    return TemplateResponse(request, text(source), {"books": found})


@method_decorator(cached_page(600), name="dispatch")
class Books(ListView):
    model = Book
    ordering = "pk"

    def render_to_response(self, context: dict[str, Any], **_: Any) -> TemplateResponse:
        ran["class"] += 1
        source = "{% for book in object_list %}{{ book.title }},{% endfor %}"
        return TemplateResponse(self.request, text(source), context)


@method_decorator(cached_page(600), name="dispatch")
class Other(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse("other")


class Plain(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        ran["plain"] += 1
        return HttpResponse(titles())


class About(TemplateView):
    def render_to_response(self, context: dict[str, Any], **_: Any) -> TemplateResponse:
        ran["about"] += 1
        return TemplateResponse(self.request, text("about {{ view.kwargs }}"), context)


class Either(View):
    """Two pages at one address: their names alone tell them apart."""

    def get(self, request: HttpRequest) -> HttpResponse:
        chosen = Other if told.get("other") else Books
        return chosen.as_view()(request)


def profile(request: HttpRequest) -> HttpResponse:
    """The leak of leaks: what was asked before the decorator goes on as an argument."""
    return named(request, name=told["name"])


@cached_page(600)
def named(request: HttpRequest, name: str) -> HttpResponse:
    ran["named"] += 1
    return HttpResponse(f"secret of {name}")


@cached_page(600, audience="user")
def mine(request: HttpRequest) -> HttpResponse:
    ran["mine"] += 1
    return HttpResponse(f"{request.user} has {titles()}. {LONG}")


@cached_page(600, audience="session")
def basket(request: HttpRequest) -> HttpResponse:
    ran["basket"] += 1
    return HttpResponse(f"basket {request.session.get('basket')}")


@cached_page(600)
def basket_of_all(request: HttpRequest) -> HttpResponse:
    ran["basket of all"] += 1
    return HttpResponse(f"basket {request.session.get('basket')}")


@cached_page(600, audience=lambda request: "staff" if request.user.is_staff else "")
def group(request: HttpRequest) -> HttpResponse:
    ran["group"] += 1
    return HttpResponse(f"staff: {request.user.is_staff}")


@cached_page(600, vary=("cookie:theme", "header:X-Shape"))
def themed(request: HttpRequest) -> HttpResponse:
    ran["themed"] += 1
    return HttpResponse(f"{request.COOKIES.get('theme')} {request.headers.get('X-Shape')}")


@cached_page(600)
def greets(request: HttpRequest) -> HttpResponse:
    ran["greets"] += 1
    return HttpResponse(f"Hello, {request.user}")


@cached_page(600)
def form(request: HttpRequest) -> HttpResponse:
    ran["form"] += 1
    return HttpResponse(text("{% csrf_token %}").render({}, request))


@cached_page(600)
def told_messages(request: HttpRequest) -> TemplateResponse:
    ran["messages"] += 1
    return TemplateResponse(request, text("{% for each in messages %}{{ each }}{% endfor %}"))


@cached_page(600)
def spoken(request: HttpRequest) -> HttpResponse:
    ran["spoken"] += 1
    zone = timezone.get_current_timezone_name()
    return HttpResponse(f"{translation.get_language()} {zone} {translation.gettext('Yes')}")


@cached_page(600)
def does(request: HttpRequest) -> Any:
    """What the test says."""
    ran["does"] += 1
    titles()
    return told["do"](request)


@cached_page(600)
def write(request: HttpRequest) -> HttpResponse:
    ran["write"] += 1
    Book.objects.update(title=told.get("title", "written"))
    return HttpResponse("written")


@cached_page(600)
def slow(request: HttpRequest) -> HttpResponse:
    ran["slow"] += 1
    number = ran["slow"]
    told["begun"].set()
    assert told["go_on"].wait(20)
    return HttpResponse(f"{titles()} {number}")


@gzip_page
@cached_page(600)
def zipped_outside(request: HttpRequest) -> TemplateResponse:
    ran["outside"] += 1
    return TemplateResponse(request, text(LONG))


@cached_page(600)
@gzip_page
def zipped_inside(request: HttpRequest) -> TemplateResponse:
    ran["inside"] += 1
    return TemplateResponse(request, text(LONG))


def guarded(view: Callable[..., Any]) -> Callable[..., Any]:
    """A decorator around a cached page that lets nobody pass."""

    def inner(request: HttpRequest) -> HttpResponse:
        ran["guard"] += 1
        if told.get("closed"):
            raise PermissionDenied
        return view(request)

    inner.__dict__.update(view.__dict__)
    return inner


PAGES = {"GET": book_list}


def led(request: HttpRequest) -> HttpResponse:
    """As packages do that call a view by its method: nobody sees from here which one."""
    return PAGES[str(request.method)](request)  # type: ignore[no-any-return]


def stream(request: HttpRequest) -> StreamingHttpResponse:
    return StreamingHttpResponse(iter([b"a", b"b"]))


def gone(request: HttpRequest) -> HttpResponse:
    raise Http404


def fails(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("no answer")


def say(text: str = "said", **headers: str) -> Callable[[HttpRequest], HttpResponse]:
    def view(request: HttpRequest) -> HttpResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return HttpResponse(text, headers=named)

    return view


def reset() -> None:
    ran.clear()
    told.clear()
    told.update(begun=Event(), go_on=Event(), do=say())


@cached_page(600)
def html(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"<!doctype html><html><body>{LONG}</body></html>")


urlpatterns = [
    path("html/", html),
    path("books/", book_list),
    path("books/<int:pk>/", book),
    path("long/", long),
    path("async/", anames),
    path("late/", late),
    path("class/", Books.as_view()),
    path("either/", Either.as_view()),
    path("plain/", cached_page(600)(Plain.as_view())),
    path("about/<slug:name>/", cached_page(600)(About.as_view())),
    path("profile/", profile),
    path("mine/", mine),
    path("basket/", basket),
    path("basket/of/all/", basket_of_all),
    path("group/", group),
    path("themed/", themed),
    path("greets/", greets),
    path("form/", form),
    path("messages/", told_messages),
    path("spoken/", spoken),
    path("does/", does),
    path("soft/", cached_page(600, soft=0.01)(Plain.as_view())),
    path("serve/", cached_page(600, on_change="serve")(Plain.as_view())),
    path("wait/", cached_page(600, on_change="wait")(does.view)),
    path("write/", write),
    path("slow/", slow),
    path("zipped/outside/", zipped_outside),
    path("zipped/inside/", zipped_inside),
    path("led/", led),
    path("guarded/", guarded(book_list)),
    path("unknown/<path:rest>", cached_page(600)(does.view)),
    path("unhurried/", include("unhurried.urls")),
]


class Middle:
    """Middleware that does what the test says to a response."""

    sync_capable, async_capable = True, False

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        return told["middle"](response) if "middle" in told else response

    def process_template_response(self, request: HttpRequest, response: Any) -> Any:
        if "changes" in told:
            told["changes"](response.context_data)
        return response


class Reads:
    """As CurrentSiteMiddleware does, or whoever finds a tenant or a flag."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        Author.objects.count()
        return self.get_response(request)


def author() -> Author:
    return Author.objects.create(name="Jacob")
