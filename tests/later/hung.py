"""A site of views that take long, for the tests of ``hang_on``."""

from __future__ import annotations

import threading
from collections import Counter
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
    StreamingHttpResponse,
)
from django.middleware.csrf import get_token
from django.template.response import SimpleTemplateResponse
from django.urls import include, path, reverse
from django.utils.decorators import method_decorator
from django.utils.timezone import get_current_timezone_name
from django.utils.translation import get_language
from django.views import View

from unhurried.cache import cached_page
from unhurried.later import hang_on, progress

WAIT_SECONDS = 15
made: Counter[str] = Counter()
may_end = threading.Event()
seen: list[Any] = []


def counted(name: str) -> int:
    made[name] += 1
    return made[name]


@hang_on(after=5, keep=10)
def quick(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"made {counted('quick')}", headers={"X-Of": "the view"})


@hang_on(after=0.05)
def slow(request: HttpRequest) -> HttpResponse:
    number = counted("slow")
    progress(1, 4, "Reading")
    assert may_end.wait(WAIT_SECONDS)
    return HttpResponse(f"made {number}")


@hang_on(after=5, vary=["header:X-Plan", lambda request: request.COOKIES.get("theme", "")])
def told(request: HttpRequest) -> HttpResponse:
    """What the work knows of who asked."""
    counted("told")
    seen.append(request)
    said = [
        *(
            request.method,
            request.get_full_path(),
            request.build_absolute_uri("/"),
            str(request.user),
        ),
        *(
            get_current_timezone_name(),
            get_language(),
            sorted(request.COOKIES),
            request.headers.get("X-Plan"),
            reverse("told"),
        ),
    ]
    return HttpResponse(repr(said))


@login_required
@hang_on(after=5)
def mine(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.user} {counted('mine')}")


@hang_on(after=5, audience="all")
def everybodys(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"{request.user} {counted('everybodys')}")


@hang_on(after=5, key=lambda request, number: str(number % 2))
def keyed(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse(f"made {counted('keyed')}")


@hang_on(after=5, key=lambda request, number: str(number % 2))
def another(request: HttpRequest, number: int) -> HttpResponse:
    return HttpResponse("another view's")


@hang_on(after=5)
def fails(request: HttpRequest) -> HttpResponse:
    counted("fails")
    raise ValueError("a secret")


def answers(kind: str) -> HttpResponseBase:
    if kind == "missing":
        raise Http404
    if kind == "redirect":
        return HttpResponseRedirect("/quick/")
    if kind == "stream":
        return StreamingHttpResponse(["a"])
    if kind == "cookie":
        response = HttpResponse("with a cookie")
        response.set_cookie("who", "me")
        return response
    if kind == "header":
        return HttpResponse("with a cookie", headers={"Set-Cookie": "who=me"})
    if kind == "large":
        return HttpResponse(b"x" * (10 * 2**20 + 1))
    if kind == "broken":
        return HttpResponse(status=502)
    return SimpleTemplateResponse("unhurried/hang_on.html", {"state": "many", "limit": 77})


@hang_on(after=5)
def answering(request: HttpRequest, kind: str) -> HttpResponseBase:
    counted(kind)
    if kind == "token":
        return HttpResponse(get_token(request))
    return answers(kind)


@hang_on(after=5)
async def coroutine(request: HttpRequest) -> HttpResponse:
    user = await request.auser()
    return HttpResponse(f"{user} {counted('coroutine')}")


@hang_on(after=0.05)
async def slow_coroutine(request: HttpRequest) -> HttpResponse:
    counted("slow_coroutine")
    assert may_end.wait(WAIT_SECONDS)
    return HttpResponse("at last")


@method_decorator([login_required, hang_on(after=5)], name="dispatch")
class Classy(View):
    def get(self, request: HttpRequest, number: int) -> HttpResponse:
        return HttpResponse(f"{number} {request.user} {counted('classy')}")

    def post(self, request: HttpRequest, number: int) -> HttpResponse:
        return HttpResponse("posted")


@hang_on(after=0.05, vary=["header:Accept"])
def negotiating(request: HttpRequest) -> HttpResponse:
    counted("negotiating")
    assert may_end.wait(WAIT_SECONDS)
    kind = "html" if request.accepts("text/html") else request.headers["Accept"]
    return HttpResponse(kind, content_type="text/plain")


kept = cached_page(600)(slow)


@hang_on(after=5)
@cached_page(600)
def keeps(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"made {counted('keeps')}")


class Asynchronous(View):
    async def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"made {counted('asynchronous')}")


@method_decorator(hang_on(after=5), name="dispatch")
class Unseen(Asynchronous):
    """That it is asynchronous is not seen where it is decorated."""


class Plain(View):
    def get(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"made {counted('plain')}")


@hang_on(after=5)
def bare(request: HttpRequest) -> HttpResponse:
    return HttpResponse("never")


@wraps(quick)
def around(request: HttpRequest) -> Any:
    return quick(request)


app = [
    path("quick/", quick),
    path("slow/", slow),
    path("slow/<int:number>/", lambda request, number: slow(request)),
    path("told/", told, name="told"),
    path("mine/", mine),
    path("everybodys/", everybodys),
    path("keyed/<int:number>/", keyed),
    path("another/<int:number>/", another),
    path("fails/", fails),
    path("answers/<str:kind>/", answering),
    path("coroutine/", coroutine),
    path("slow-coroutine/", slow_coroutine),
    path("classy/<int:number>/", Classy.as_view()),
    path("plain/", hang_on(after=5)(Plain.as_view())),
    path("asynchronous/", hang_on(after=5)(Asynchronous.as_view())),
    path("unseen/", Unseen.as_view()),
    path("negotiating/", negotiating),
    path("kept/", kept),
    path("keeps/", keeps),
    path("bare/", lambda request: bare(request)),
    path("around/", around),
]
urlpatterns = [*app, path("unhurried/", include("unhurried.urls"))]
