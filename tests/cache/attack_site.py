"""The site of test_attack.py: pages and middleware that are easily taken for harmless."""

from functools import wraps
from typing import Any

from django.contrib.sites.shortcuts import get_current_site
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path
from django.utils import translation
from django.utils.cache import patch_cache_control, patch_vary_headers
from django.views.decorators.csrf import ensure_csrf_cookie

from tests.books.models import Book
from unhurried.cache import cached_page


def text(source):
    return engines["django"].from_string(source)


def says_who(view):
    @wraps(view)
    def inner(request, *args, **kwargs):
        response = view(request, *args, **kwargs)
        if request.user.is_authenticated:
            response["X-Who"] = request.user.username
        return response

    return inner


def adds(view):
    """What decorators do that ask for nothing: headers, lists and cookies, and take some away."""

    @wraps(view)
    def inner(request, *args, **kwargs):
        response = view(request, *args, **kwargs)
        patch_cache_control(response, max_age=60)
        patch_vary_headers(response, ["Cookie"])
        response["X-Around"] = str(next(numbers))
        del response["X-Inner"]
        response.set_cookie("around", "yes")
        return response

    return inner


def discards(view):
    def inner(request):
        response = view(request)
        return HttpResponse("else") if request.user.is_authenticated else response

    return inner


@cached_page(600)
def late(request):
    return TemplateResponse(request, text("hello {{ page.name }}"), {"page": {"name": "nobody"}})


@cached_page(600)
def late_with_headers(request):
    response = TemplateResponse(request, text("{{ number }}"), {"number": next(numbers)})
    response["X-Inner"] = response["X-Own"] = "own"
    return response


@cached_page(600)
def forbids(request):
    return HttpResponse("x", headers={"Cache-Control": 'private, community="UCI\\"s"'})


@cached_page(600, on_change="serve")
def german(request):
    translation.activate("de")
    return HttpResponse(f"{Book.objects.count()} books")


@cached_page(600)
def in_a_header(request):
    return HttpResponse("spa", headers={"X-CSRFToken": get_token(request)})


@cached_page(600)
def in_both(request):
    form = text("{% csrf_token %}").render({}, request)
    return HttpResponse(form, headers={"X-CSRFToken": get_token(request)})


@cached_page(600)
@ensure_csrf_cookie
def spa(request):
    return HttpResponse("spa")


@cached_page(600)
def named(request):
    return HttpResponse(get_current_site(request).name)


numbers: Any = iter(range(1000))


@cached_page(600)
def counter(request):
    return HttpResponse(str(next(numbers)))


urlpatterns = [
    path("late/", late),
    path("who/", says_who(late)),
    path("around/", adds(late_with_headers)),
    path("discarded/", discards(late)),
    path("forbids/", forbids),
    path("german/", german),
    path("header/", in_a_header),
    path("both/", in_both),
    path("spa/", spa),
    path("named/", named),
    path("counter/", counter),
    path("post/", lambda request: HttpResponse("ok")),
]


class Middle:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)


class Mutates(Middle):
    def process_template_response(self, request, response):
        if request.user.is_authenticated:
            response.context_data["page"]["name"] = request.user.username
        return response


class Heads(Middle):
    def process_template_response(self, request, response):
        if request.user.is_authenticated:
            response["X-Who"] = request.user.username
        return response


class Replaces(Middle):
    def process_template_response(self, request, response):
        return TemplateResponse(request, response.template_name, response.context_data)
