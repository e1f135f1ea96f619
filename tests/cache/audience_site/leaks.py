"""Pages that tell something of who asked. The line that looks says ``here``."""

from __future__ import annotations

import asyncio
import copy
import json
import operator
import pickle
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required, permission_required, user_passes_test
from django.contrib.auth.mixins import LoginRequiredMixin
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.http.request import HttpHeaders
from django.middleware.csrf import get_token, rotate_token
from django.shortcuts import render
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.utils.functional import SimpleLazyObject, lazystr
from django.views.decorators.cache import cache_page
from django.views.decorators.csrf import csrf_protect, ensure_csrf_cookie
from django.views.decorators.vary import vary_on_cookie
from django.views.generic import TemplateView, View
from rest_framework.decorators import api_view
from rest_framework.response import Response
from rest_framework.views import APIView

from . import middleware
from .templates import SOURCES

LEAKS: dict[str, tuple[Callable[..., Any], tuple[str, ...]]] = {}


def leak(*names: str, title: str = "") -> Callable[[Any], Any]:
    def note(view: Any) -> Any:
        LEAKS[title or view.__name__] = view, names
        return view

    return note


def said(*words: object) -> HttpResponse:
    return HttpResponse(" ".join(map(str, words)))


# The user


@leak("user:username")
def by_name(request):
    return said(request.user.username)  # here


@leak("user")
def as_text(request):
    return said(f"{request.user}")  # here


@leak("user:is_authenticated")
def whether_known(request):
    return said("Out" if request.user.is_authenticated else "In")  # here


@leak("user")
def by_its_class(request):
    return said(isinstance(request.user, AnonymousUser))  # here


@leak("user")
def by_comparison(request):
    return said(request.user == User())  # here


@leak("user")
def by_hash(request):
    return said(request.user in {User(pk=1)})  # here


@leak("user")
def its_permissions(request):
    return said(request.user.has_perm("books.add_book"))  # here


@leak("user:username")
def with_operator(request):
    return said(operator.attrgetter("user.username")(request))  # here


@leak("user:username")
def with_a_pattern(request):
    match request:
        case HttpRequest(user=user):
            return said(user.username)  # here


@leak("request")
def through_vars(request):
    return said(vars(request)["user"])  # here


@leak("request")
def through_its_dict(request):
    return said(sorted(request.__dict__))  # here


@leak("user:username")
def of_a_copy(request):
    return said(copy.copy(request).user.username)  # here


@leak("request")
def of_a_pickle(request):
    return said(len(request.__reduce_ex__(pickle.HIGHEST_PROTOCOL)))  # here


@leak("user:username")
def of_the_request_in_the_thread(request):
    return said(middleware.thread.request.user.username)  # here


@leak("user:username")
def of_the_request_in_a_local(request):
    return said(middleware.here.request.user.username)  # here


@leak("user:username")
def of_the_user_in_the_thread(request):
    return said(middleware.thread.user.username)  # here


@leak("user:username")
def in_a_closure(request):
    def name():
        return request.user.username  # here

    return said(partial(name)())


@leak("user:username")
def of_a_weak_reference(request):
    return said(weakref.proxy(request).user.username)  # here


@leak("user")
def of_what_django_remembers(request):
    return said(request._cached_user)  # here


@leak("session:_auth_user_id")
def asked_of_auth(request):
    return said(auth.get_user(request))  # here


@leak("user:username")
def in_another_thread(request):
    with ThreadPoolExecutor(1) as pool:
        return said(pool.submit(lambda: request.user.username).result())  # here


@leak("user")
async def awaited(request):
    return said(await request.auser())  # here


@leak("user:username")
async def in_a_thread_of_async(request):
    def name():
        return request.user.username  # here

    return said(await sync_to_async(name)())


@leak("user")
async def in_a_task(request):
    async def name():
        return await request.auser()  # here

    return said(*await asyncio.gather(name(), name()))


@leak("user:username")
def of_a_request_made_here(request):
    inner = HttpRequest()
    inner.user = request.user
    return said(inner.user.username)  # here


@leak("user:is_authenticated")
@login_required
def behind_a_login(request):
    return said("Secret")


@leak("user:is_staff")
@user_passes_test(lambda user: not user.is_staff)  # here
def behind_a_test(request):
    return said("Secret")


@leak("user")
@permission_required([])
def behind_a_permission(request):
    return said("Secret")


@leak("user:username")
class InAClass(View):
    def get(self, request):
        return said(self.request.user.username)  # here


@leak("user:is_authenticated")
class BehindAMixin(LoginRequiredMixin, View):
    def get(self, request):
        return said("Secret")


@leak("user:username")
class InItsContext(TemplateView):
    template_name = "name.html"

    def get_context_data(self, **kwargs):
        return {"name": self.request.user.username}  # here


# Templates


def page(name: str, **context: Any) -> Callable[..., Any]:
    def view(request: Any) -> Any:
        return render(request, name, context)

    return view


leak("user:username", title="{{ request.user.username }}")(page("request_user.html"))
leak("user:username", title="{{ user.username }}")(page("user.html"))
leak("user", title="{{ user }}")(page("user_as_text.html"))
leak("user:is_authenticated", title="{% if user.is_authenticated %}")(page("login_link.html"))
leak("user", title="{{ perms.books.add_book }}")(page("perms.html"))
leak("messages", title="{% for message in messages %}")(page("messages.html"))
leak("csrf", title="{% csrf_token %}")(page("form.html"))
leak("csrf", title="{{ csrf_token }}")(page("csrf.html"))
leak("nonce", title="{{ request.csp_nonce }}")(page("nonce.html"))
leak("nonce", title="{{ csp_nonce }}")(page("nonce_of_django.html"))
leak("cookie:theme", title="{{ request.COOKIES.theme }}")(page("cookie.html"))
leak("header:User-Agent", title="{{ request.headers.user_agent }}")(page("header.html"))
leak("meta:REMOTE_ADDR", title="{{ request.META.REMOTE_ADDR }}")(page("address.html"))
leak("session:cart", title="{{ request.session.cart }}")(page("session.html"))
leak("attr:tenant", title="{{ request.tenant.name }}")(page("tenant.html"))
leak("user:username", title="in an included template")(page("outer.html"))


@leak("user:username")
def rendered_later(request):
    return TemplateResponse(request, "user.html")


@leak("user:username")
def lazy_text(request):
    return TemplateResponse(request, "name.html", {"name": lazystr_of(request)})


def lazystr_of(request):
    class Name:
        def __str__(self):
            return request.user.username  # here

    return lazystr(Name())


@leak("user:username")
def lazy_object(request):
    name = SimpleLazyObject(lambda: request.user.username)  # here
    return TemplateResponse(request, "name.html", {"name": name})


@leak("user:username")
def generated_later(request):
    names = (user.username for user in [request.user])  # here
    return TemplateResponse(request, "names.html", {"names": names})


@leak("user:username")
def helped_by_an_object(request):
    class Helper:
        def name(self):
            return middleware.thread.request.user.username  # here

    return render(request, "helper.html", {"helper": Helper()})


@leak("csrf")
def as_a_string(request):
    return said(render_to_string("form.html", {}, request))


# The session, messages, tokens


@leak("session:cart")
def an_item(request):
    return said(request.session["cart"])  # here


@leak("session:cart")
def an_item_or_none(request):
    return said(request.session.get("cart"))  # here


@leak("session:cart")
def whether_there_is_an_item(request):
    return said("cart" in request.session)  # here


@leak("session")
def all_items(request):
    return said(dict(request.session.items()))  # here


@leak("session")
def its_key(request):
    return said(request.session.session_key)  # here


@leak("session")
def an_item_set(request):
    request.session["cart"] = "full"  # here
    return said("ok")


@leak("session:cart")
def of_the_session_in_the_thread(request):
    return said(middleware.thread.session["cart"])  # here


@leak("session:cart")
async def an_item_awaited(request):
    return said(await request.session.aget("cart"))  # here


@leak("messages")
def messages_listed(request):
    return said(*messages.get_messages(request))  # here


@leak("messages")
def message_added(request):
    messages.success(request, "Saved")  # here
    return said("ok")


@leak("csrf")
def token(request):
    return said(get_token(request))  # here


@leak("csrf")
@csrf_protect
def token_inside_protection(request):
    return said(get_token(request))  # here


@leak("csrf")
@ensure_csrf_cookie
def cookie_made_sure_of(request):
    return said("ok")


@leak("csrf")
def token_rotated(request):
    rotate_token(request)  # here
    return said("ok")


@leak("csrf")
def secret(request):
    return said(request.META.get("CSRF_COOKIE"))  # here


# Headers, cookies, addresses


@leak("header:User-Agent")
def a_header(request):
    return said(request.headers["user-agent"])  # here


@leak("header:User-Agent")
def a_header_as_django_keeps_it(request):
    return said(request.META["HTTP_USER_AGENT"])  # here


@leak("header:User-Agent")
def whether_there_is_a_header(request):
    return said("User-Agent" in request.headers)  # here


@leak("header:User-Agent")
def of_the_headers_in_the_thread(request):
    return said(middleware.thread.headers.get("User-Agent"))  # here


@leak("headers")
def all_headers(request):
    return said(dict(request.headers))  # here


@leak("headers")
def headers_made_anew(request):
    return said(HttpHeaders(request.META)["User-Agent"])  # here


@leak("headers")
def meta_copied(request):
    return said(dict(request.META)["REMOTE_ADDR"])  # here


@leak("headers")
def meta_unpacked(request):
    return said({**request.META}["REMOTE_ADDR"])  # here


@leak("headers")
def meta_listed(request):
    return said(*[value for key, value in request.META.items() if key == "REMOTE_ADDR"])  # here


@leak("headers")
def meta_joined(request):
    return said((request.META | {})["REMOTE_ADDR"])  # here


@leak("meta:REMOTE_ADDR")
def meta_formatted(request):
    return said("%(REMOTE_ADDR)s" % request.META)  # noqa: UP031 - here


@leak("meta:REMOTE_ADDR")
def environ(request):
    return said(request.environ["REMOTE_ADDR"])  # here


@leak("header:X-Forwarded-For")
def forwarded_address(request):
    return said(request.META.get("HTTP_X_FORWARDED_FOR"))  # here


@leak("header:X-Forwarded-Host")
def forwarded_host(request):
    return said(request.headers.get("X-Forwarded-Host"))  # here


@leak("meta:SERVER_PORT")
def port(request):
    return said(request.get_port())  # here


@leak("header:Accept")
def accepted(request):
    return said(request.accepts("application/json"))  # here


@leak("header:Accept")
def preferred(request):
    return said(request.get_preferred_type(["text/html", "application/json"]))  # here


@leak("header:Accept-Language")
def language_as_sent(request):
    return said(request.headers.get("Accept-Language"))  # here


@leak("header:Content-Type")
def type_of_what_is_sent(request):
    return said(request.content_type)  # here


@leak("cookie:theme")
def a_cookie(request):
    return said(request.COOKIES["theme"])  # here


@leak("cookie:theme")
def a_signed_cookie(request):
    return said(request.get_signed_cookie("theme", default="none"))  # here


@leak("cookies")
def all_cookies(request):
    return said(json.dumps(request.COOKIES))  # here


@leak("cookies")
def cookies_as_sent(request):
    return said(request.META["HTTP_COOKIE"])  # here


@leak("cookies")
@cache_page(60)
@vary_on_cookie
def kept_by_django_inside(request):
    return said("ok")


@leak("body")
def what_is_sent(request):
    return said(request.body)  # here


@leak("body")
def what_is_sent_read(request):
    return said(request.read())  # here


@leak("body")
def what_is_sent_by_lines(request):
    return said(*request)  # here


# What middleware sets


@leak("attr:tenant")
def an_attribute(request):
    return said(request.tenant.name)  # here


@leak("attr:lazy_tenant")
def a_lazy_attribute(request):
    return said(request.lazy_tenant.name)  # here


@leak("attr:beta")
def an_attribute_that_some_have(request):
    return said(getattr(request, "beta", False))  # here


@leak("nonce")
def a_nonce(request):
    return said(f"{request.csp_nonce}")  # here


# Django REST framework


@leak("user", title="rest")
@api_view()
def rest(request):
    return Response({"ok": True})


@leak("user")
class RestUser(APIView):
    renderer_classes = [type("Plain", (), {})]

    def get(self, request):
        return said(request.user)

    def initial(self, request, *args, **kwargs):
        self.perform_authentication(request)


def is_marked(label: str) -> bool:
    """Whether a line of ours or of a template says that it looks."""
    name, _, number = label.rpartition(":")
    if name in SOURCES:
        return "here" in SOURCES[name].splitlines()[int(number) - 1]
    with open(name) as lines:
        return "here" in lines.read().splitlines()[int(number) - 1]
