"""Observing a request: what counts as a look, for whom, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import copy
import pickle
import threading
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.request import HttpHeaders
from django.middleware.csrf import get_token
from django.template import Context, RequestContext, Template
from django.test import RequestFactory, override_settings
from django.utils.decorators import method_decorator
from django.utils.functional import SimpleLazyObject
from django.views import View
from rest_framework.request import Request

from unhurried.cache._audience import IN_EACH_PAGE, called, carried, observing, unproven, way_out
from unhurried.cache._audience._proven import _WAYS
from unhurried.testing import override


def request_of(path: str = "/books/?page=2", **headers: Any) -> Any:
    request: Any = RequestFactory().get(path, **headers)
    alice = User(pk=1, username="alice")
    request.user = SimpleLazyObject(lambda: alice)
    request.session = SessionStore()
    request.session["cart"] = "full"
    request.tenant = SimpleNamespace(name="acme")
    return request


def test_a_look_is_noted_once_with_its_line() -> None:
    request = request_of()
    with observing(request) as seen:
        assert request.user.username == "alice"
        first = dict(seen.touched)
        assert request.user.username == "alice"
    assert seen.touched == first
    assert [*first] == ["user:username"]
    assert first["user:username"].startswith("tests/cache/test_audience.py:")


def test_nothing_is_noted_of_what_is_not_looked_at() -> None:
    request = request_of()
    with observing(request) as seen:
        held = request.user, request.session, request.META, request.COOKIES, request.headers
        assert hasattr(request, "user")
    assert not seen.touched
    assert len(held) == 5


def test_what_is_known_is_not_noted_but_for_a_part_within() -> None:
    request = request_of()
    with observing(request, known=IN_EACH_PAGE) as page, observing(request) as part:
        assert request.path + request.GET["page"] == "/books/2"
        assert request.user.username == "alice"
    assert page.touched.keys() == {"user:username"}
    assert part.touched.keys() == {"path", "query", "user:username"}


def test_nothing_is_left_behind() -> None:
    request = request_of()
    things = request, request.session, request.headers, request.GET
    before = [type(each) for each in (*things, request.__dict__["user"])]
    names = set(vars(request))
    with observing(request) as seen:
        assert type(request) is not before[0]
        assert request.__class__ is before[0]
    assert [type(each) for each in (*things, request.__dict__["user"])] == before
    assert set(vars(request)) == names
    assert not [each for each in things if "_unhurried_watch" in vars(each)]
    assert request.user.username == "alice"
    assert not seen.touched


def test_an_exception_leaves_nothing_behind_either() -> None:
    request = request_of()
    with pytest.raises(ZeroDivisionError), observing(request):
        1 / 0  # noqa: B018
    assert type(request.session) is SessionStore
    assert "_unhurried_watch" not in vars(request)


def test_no_request_is_nothing_to_observe() -> None:
    with observing(None) as seen:
        pass
    assert not seen.touched


def test_without_a_request_what_is_lazy_is_watched_all_the_same() -> None:
    user = request_of().user
    with observing(None, {"user": user}) as seen:
        assert user.username == "alice"
    assert [*seen.touched] == ["user:username"]
    assert type(user) is SimpleLazyObject


def test_a_request_that_can_t_be_watched_is_looked_at_as_a_whole(monkeypatch: Any) -> None:
    monkeypatch.setattr("unhurried.cache._audience._observing.swap", lambda *args: False)
    with observing(request_of()) as seen:
        pass
    assert unproven(seen.touched).keys() == {"request"}


def test_an_inner_look_counts_for_the_outer_as_well() -> None:
    request = request_of()
    with observing(request) as outer:
        assert not request.headers.get("Host")
        with observing(request) as inner:
            assert request.session["cart"] == "full"
        assert request.user.username == "alice"
    assert [*inner.touched] == ["session:cart"]
    assert outer.touched.keys() == {"host", "session:cart", "user:username"}


def test_blocks_end_in_any_order() -> None:
    request = request_of()
    one, two = observing(request), observing(request)
    first, second = one.__enter__(), two.__enter__()
    one.__exit__(None, None, None)
    assert request.user.username == "alice"
    two.__exit__(None, None, None)
    assert not first.touched
    assert [*second.touched] == ["user:username"]
    assert type(request.session) is SessionStore


def test_what_the_block_sets_itself_is_no_look() -> None:
    request = request_of()
    with observing(request) as seen:
        request.tenant = request.books = "its own"
        request.user = User(username="robot")
        request.method, request.path = "GET", "/elsewhere/"
        assert (request.tenant, request.books, request.user.username) == (
            *("its own", "its own"),
            "robot",
        )
        assert request.path == "/elsewhere/"
    assert not seen.touched


def test_what_an_outer_block_sets_is_another_s_to_the_inner_one() -> None:
    request = request_of()
    with observing(request) as outer:
        request.theme = request.COOKIES.get("theme", "light")
        with observing(request) as inner:
            assert request.theme == "light"
    assert [*inner.touched] == ["attr:theme"]
    assert [*outer.touched] == ["cookie:theme"]


def test_a_user_that_is_not_lazy_is_watched_too() -> None:
    request = request_of()
    request.user = AnonymousUser()
    with observing(request) as seen:
        assert isinstance(request.user, AnonymousUser)
        assert request.user is request.user
    assert [*seen.touched] == ["user"]


def test_a_user_of_another_request_tells_both() -> None:
    one, two = request_of(), request_of()
    two.user = one.__dict__["user"]
    with observing(one) as first, observing(two) as second:
        assert two.user.username == "alice"
    assert "user:username" in first.touched
    assert "user:username" in second.touched


def test_a_copy_tells_as_well_and_is_a_request_afterwards() -> None:
    request = request_of()
    with observing(request) as seen:
        twin = copy.copy(request)
        twin.method = "HEAD"
        assert twin.user.username == "alice"
        assert request.method == "GET"
    assert "user:username" in seen.touched
    assert twin.path == "/books/"
    with observing(twin) as again:
        assert twin.session["cart"] == "full"
    assert [*again.touched] == ["session:cart"]


def test_a_pickle_names_no_class_of_ours() -> None:
    request: Any = HttpRequest()
    request.method, request.path = "GET", "/"
    request.GET = QueryDict("page=2")
    request.session = SessionStore()
    with observing(request) as seen:
        kept = pickle.dumps((request, request.GET, request.session, request.META, request.COOKIES))
    assert b"unhurried" not in kept
    assert "request" in seen.touched
    twin, query, session, meta, cookies = pickle.loads(kept)
    assert (type(twin), query, type(session)) == (HttpRequest, QueryDict("page=2"), SessionStore)
    assert (type(meta), type(cookies)) == (dict, dict)


def test_meta_and_cookies_write_through() -> None:
    request = request_of(HTTP_COOKIE="a=1")
    with observing(request):
        request.META["SET"] = request.COOKIES["set"] = "yes"
        request.META |= {"JOINED": "yes"}
        del request.META["JOINED"]
        assert request.META.setdefault("SET", "no") == "yes"
        assert request.COOKIES.pop("a") == "1"
        request.META.update(UPDATED="yes")
        assert request.META is request.environ
    assert request.META["SET"] == request.META["UPDATED"] == "yes"
    assert "JOINED" not in request.META
    assert request.COOKIES == {"set": "yes"}
    assert type(request.META) is type(request.COOKIES) is dict


def test_a_query_made_mutable_stays_what_was_made_of_it() -> None:
    request = request_of()
    with observing(request):
        request.GET = request.GET.copy()
        request.GET["page"] = "3"
        assert type(request.GET) is QueryDict
    assert request.GET["page"] == "3"


def test_forms_of_a_safe_request_are_empty_and_tell_nothing() -> None:
    request = request_of()
    with observing(request) as seen:
        assert not request.POST
        assert not request.FILES
    assert not seen.touched


def test_forms_of_an_unsafe_request_tell() -> None:
    request = RequestFactory().post("/", {"a": "1"})
    with observing(request) as seen:
        assert request.POST["a"] == "1"
    assert "body" in seen.touched


def test_tasks_and_threads_tell() -> None:
    request = request_of()

    async def page() -> None:
        await asyncio.gather(
            *(asyncio.to_thread(lambda name=name: request.headers.get(name)) for name in "ABC")
        )

    with observing(request) as seen:
        asyncio.run(page())
        thread = threading.Thread(target=lambda: request.user.username)
        thread.start()
        thread.join()
    assert seen.touched.keys() == {"header:A", "header:B", "header:C", "user:username"}


def test_requests_at_the_same_time_tell_each_its_own() -> None:
    requests = [request_of(HTTP_X_NUMBER=str(number)) for number in range(20)]

    async def page(number: int, request: Any) -> set[str]:
        with observing(request) as seen:
            await asyncio.sleep(0)
            request.headers.get(f"X-{number}")
            await asyncio.sleep(0)
            return set(seen.touched)

    async def all_pages() -> list[set[str]]:
        return await asyncio.gather(*(page(*each) for each in enumerate(requests)))

    assert asyncio.run(all_pages()) == [{f"header:X-{number}"} for number in range(20)]


def test_a_lazy_value_made_before_the_block_is_watched_by_its_name() -> None:
    request = request_of()
    context = RequestContext(request)
    context.update({"csrf_token": SimpleLazyObject(lambda: get_token(request))})
    assert Template("{{ csrf_token }}").render(context)
    with observing(request, {"csrf": context["csrf_token"], "none": None}) as seen:
        Template("{{ csrf_token }}").render(context)
    assert "csrf" in seen.touched


def test_the_user_of_a_request_around_the_request_tells() -> None:
    request = Request(request_of())
    request.authenticators = ()
    assert request.user.is_anonymous
    with observing(request) as seen:
        assert request.user.is_anonymous
        assert request.query_params["page"] == "2"
    assert seen.touched.keys() == {"user", "query"}
    assert type(request) is Request


def test_attributes_that_are_missing_tell_where_middleware_is_unknown() -> None:
    request = request_of()
    with observing(request) as seen:
        assert not hasattr(request, "beta")
    assert not seen.touched
    unknown = override_settings(MIDDLEWARE=["shop.middleware.Beta"])
    with unknown, observing(request) as seen:
        assert not hasattr(request, "beta")
        assert not hasattr(request, "current_app")
    assert [*seen.touched] == ["attr:beta"]
    vouched = override(NEUTRAL_MIDDLEWARE=["shop.middleware.Beta"])
    with unknown, vouched, observing(request) as seen:
        assert not hasattr(request, "beta")
    assert not seen.touched


def test_a_urlconf_that_middleware_chose_has_been_looked_at() -> None:
    request = request_of()
    request.urlconf = "tests.urls"
    with observing(request) as seen:
        pass
    assert [*seen.touched] == ["attr:urlconf"]
    _value, names = called(lambda request: request.urlconf, request)
    assert not unproven(seen.touched, vary=[len], allowed=names)


@pytest.mark.parametrize(
    ("setting", "look", "name"),
    [
        ({}, lambda request: request.META.get("HTTP_HOST"), "host"),
        ({"USE_X_FORWARDED_HOST": True}, lambda r: r.META.get("HTTP_HOST"), "header:Host"),
        (
            {"USE_X_FORWARDED_HOST": True},
            lambda r: r.META.get("HTTP_X_FORWARDED_HOST"),
            "header:X-Forwarded-Host",
        ),
        ({}, lambda request: request.META.get("HTTP_X_ORIGINAL_URL"), "header:X-Original-Url"),
        ({}, lambda request: request.headers["x_original_url"], "header:X-Original-Url"),
        ({}, lambda request: request.META["wsgi.url_scheme"], "scheme"),
        (
            {"SECURE_PROXY_SSL_HEADER": ("HTTP_X_PROTO", "https")},
            lambda r: r.META["wsgi.url_scheme"],
            "meta:wsgi.url_scheme",
        ),
    ],
)
def test_only_what_the_host_is_made_of_is_in_the_key(setting: Any, look: Any, name: str) -> None:
    """Poisoning by a header nobody keyed: X-Forwarded-Host, X-Original-URL, the raw scheme."""
    request = request_of(HTTP_X_ORIGINAL_URL="/admin/")
    with override_settings(**setting), observing(request) as seen:
        look(request)
    assert [*seen.touched] == [name]
    assert bool(unproven(seen.touched)) is (":" in name)


@override_settings(
    USE_X_FORWARDED_HOST=True, SECURE_PROXY_SSL_HEADER=("HTTP_X_PROTO", "https"), ALLOWED_HOSTS="*"
)
def test_host_and_scheme_are_proven_whatever_they_are_made_of() -> None:
    request = request_of(HTTP_X_FORWARDED_HOST="example.com", HTTP_X_PROTO="https")
    with observing(request) as seen:
        assert request.build_absolute_uri("/a") == "https://example.com/a"
        assert request.is_secure()
    assert seen.touched.keys() == {"host", "scheme"}
    assert not unproven(seen.touched)


LOOKS = dict.fromkeys(("user", "user:is_staff", "session", "session:cart"), "views.py:1")
LOOKS |= dict.fromkeys(("messages", "csrf", "nonce", "headers", "cookies"), "views.py:2")
LOOKS |= dict.fromkeys(("header:Accept", "cookie:theme", "attr:tenant", "body"), "views.py:3")
IN_EACH_KEY = dict.fromkeys(("path", "host", "scheme", "method", "query"), "views.py:4")
IN_EACH_KEY |= {"header:Authorization": "views.py:4", "header:Range": "views.py:4"}
SETS: list[tuple[dict[str, Any], set[str]]] = [
    ({}, set()),
    ({"audience": "user"}, {"user", "user:is_staff"}),
    ({"vary": ["user"]}, {"user", "user:is_staff"}),
    ({"audience": "session"}, {"user", "user:is_staff", "session", "session:cart"}),
    ({"vary": ["header:accept", "cookie:theme"]}, {"header:Accept", "cookie:theme"}),
    (
        {"vary": [len], "allowed": {"attr:tenant", "user:is_staff"}},
        {"attr:tenant", "user:is_staff"},
    ),
    ({"audience": len, "allowed": LOOKS.keys()}, {name for name in LOOKS if ":" in name}),
    ({"audience": len}, set()),
]


@pytest.mark.parametrize(("options", "proven"), SETS)
def test_what_proves_what(options: Any, proven: set[str]) -> None:
    assert unproven(LOOKS | IN_EACH_KEY, **options).keys() == LOOKS.keys() - proven


def test_a_part_has_its_arguments_for_a_key_and_nothing_of_the_page() -> None:
    assert unproven(LOOKS | IN_EACH_KEY, kind="fragment") == LOOKS | IN_EACH_KEY


def test_a_callable_that_tells_staff_apart_does_not_prove_a_greeting() -> None:
    request = request_of()
    _value, names = called(lambda request: request.user.is_staff, request)
    with observing(request) as seen:
        Template("{% if user.is_staff %}Edit{% endif %}").render(Context({"user": request.user}))
        assert not unproven(seen.touched, audience=len, allowed=names)
        Template("{{ user.username }}").render(Context({"user": request.user}))
    assert unproven(seen.touched, audience=len, allowed=names).keys() == {"user:username"}


def test_a_callable_that_asks_who_it_is_proves_nothing() -> None:
    request = request_of()
    _value, names = called(lambda request: str(request.user), request)
    with observing(request) as seen:
        assert str(request.user) == "alice"
    assert unproven(seen.touched, audience=len, allowed=names).keys() == {"user"}


@pytest.mark.parametrize("name", sorted({*LOOKS, *_WAYS, "attr:self.who"}))
def test_each_look_has_a_way_out(name: str) -> None:
    assert way_out(name).endswith(".")


class Prepared(View):
    template = "a"

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.who = request.user.username

    def get(self, request: Any) -> HttpResponse:
        return HttpResponse(self.who)


@pytest.mark.parametrize("name", ["dispatch", "get"])
def test_what_a_view_has_left_for_its_method_is_not_proven(name: str) -> None:
    brought = {}

    def looking(view: Any) -> Any:
        return lambda request: brought.update(carried(view, request)) or view(request)

    for base in (Prepared, View):
        kind = type("Page", (base,), {"get": lambda self, request: HttpResponse("ok")})
        view = method_decorator(looking, name=name)(kind).as_view()
        request = request_of()
        request.resolver_match = SimpleNamespace(func=view)
        assert view(request).status_code == 200
        assert brought.keys() == ({"attr:self.who"} if base is Prepared else set())
        assert unproven(brought).keys() == brought.keys()
        brought.clear()
    assert carried(Prepared.as_view(), request_of()) == {}


class Actions(View):
    """As a ViewSet of REST framework is told by its as_view() what its route's methods are."""

    action_map: ClassVar[dict[str, str]] = {"get": "list", "post": "create"}

    def setup(self, request: Any, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)
        self.get = self.list
        self.post = lambda request: self.list(request)  # nobody knows what is in there

    def list(self, request: Any) -> HttpResponse:
        return HttpResponse("ok")


def test_an_action_is_of_the_route_and_of_nobody() -> None:
    view, request = Actions(), request_of()
    view.setup(request)
    assert carried(view.dispatch, request).keys() == {"attr:self.post"}
    view.get = Actions().list  # of another one
    assert carried(view.dispatch, request).keys() == {"attr:self.post", "attr:self.get"}


def test_headers_stay_what_they_were() -> None:
    request = request_of(HTTP_ACCEPT="text/html", HTTP_X_ONE="1")
    plain = HttpHeaders(request.META)
    with observing(request):
        assert request.headers == plain
        assert dict(request.headers) == dict(plain)
        assert len(request.headers) == len(plain)
        assert request.headers.get("nothing", 3) == 3
        assert repr(request.headers) == repr(plain)
        assert copy.copy(request.headers)["x_one"] == "1"
        assert request.headers.to_wsgi_names(request.headers) == plain.to_wsgi_names(plain)


def test_a_query_stays_what_it_was() -> None:
    request = request_of("/?a=1&a=2&b=")
    plain = QueryDict("a=1&a=2&b=")
    with observing(request):
        query = request.GET
        assert query == plain
        assert plain == query
        assert (query["a"], query.getlist("a"), query.get("c", 3)) == ("2", ["1", "2"], 3)
        assert (dict(query), list(query.lists())) == (dict(plain), list(plain.lists()))
        assert (query.urlencode(), query.dict(), len(query)) == ("a=1&a=2&b=", plain.dict(), 2)
        assert repr(query) == repr(plain)
        assert copy.deepcopy(query) == query.copy() == copy.copy(query) == plain
        with pytest.raises(AttributeError):
            query["a"] = "3"


def test_a_session_is_written_to_as_before() -> None:
    request = request_of()
    with observing(request) as seen:
        request.session["cart"] = "empty"
        request.session.modified = True
        assert request.session.pop("cart") == "empty"
    assert "session" in seen.touched
    assert request.session.modified
