"""``{% cached 600 "name" arg %}``: a part of a template, kept like the value of a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.context_processors import PermWrapper, auth
from django.contrib.auth.models import AnonymousUser, User
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.template.context_processors import csrf
from django.test import RequestFactory
from django.utils.functional import SimpleLazyObject

from tests.books.models import Author, Book
from unhurried.cache import CacheError, invalidate
from unhurried.cache._units._unit import Unit, current

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def unit() -> Iterator[Unit]:
    """A request under way that records from its start."""
    unit = Unit(recording=True)
    token = current.set(unit)
    yield unit
    current.reset(token)


class Counted:
    """Says how often it was rendered."""

    def __init__(self) -> None:
        self.times = 0

    def __str__(self) -> str:
        self.times += 1
        return str(self.times)


def template(body: str, arguments: str = "") -> tuple[Template, str]:
    name = f"part-{uuid4()}"
    source = f'{{% load unhurried %}}{{% cached 600 "{name}" {arguments} %}}{body}{{% endcached %}}'
    return Template(source), name


def render(source: Template, **context: Any) -> str:
    return source.render(Context(context))


def test_it_is_rendered_once() -> None:
    part, _ = template("{{ n }}")
    n = Counted()
    assert [render(part, n=n) for _ in range(3)] == ["1"] * 3


def test_arguments_tell_parts_apart() -> None:
    part, _ = template("{{ n }}", "side")
    n = Counted()
    assert [render(part, n=n, side=side) for side in ("a", "b", "a", 1, "1")] == list("12134")


def test_a_write_makes_it_old() -> None:
    part, _ = template("{% for book in books %}{{ book.title }}{% endfor %}")
    assert render(part, books=Book.objects.all()) == ""
    Book.objects.create(title="One", author=Author.objects.create(name="Jacob"))
    assert render(part, books=Book.objects.all()) == "One"


def test_its_name_makes_it_old() -> None:
    part, name = template("{{ n }}")
    n = Counted()
    render(part, n=n)
    invalidate(name)
    assert render(part, n=n) == "2"


def test_nested_what_the_inner_one_reads_the_outer_one_depends_on() -> None:
    inner = '{% cached 600 "inner-of-a-test" %}{% for b in books %}{{ b.title }}{% endfor %}'
    part, _ = template(f"[{inner}{{% endcached %}}]")
    assert render(part, books=Book.objects.all()) == "[]"
    Book.objects.create(title="One", author=Author.objects.create(name="Jacob"))
    assert render(part, books=Book.objects.all()) == "[One]"


def test_text_stays_escaped_once() -> None:
    part, _ = template("{{ text }}")
    assert [render(part, text="<b>") for _ in range(2)] == ["&lt;b&gt;"] * 2


def test_with_and_without_escaping_are_two() -> None:
    part, _ = template("{{ text }}")
    assert render(part, text="<b>") == "&lt;b&gt;"
    assert part.render(Context({"text": "<b>"}, autoescape=False)) == "<b>"


@pytest.mark.parametrize(
    "source",
    ["{% cached %}{% endcached %}", "{% cached 60 %}{% endcached %}", "{% cached 60 'a' %}"],
)
def test_a_wrong_tag_is_an_error_of_the_template(source: str) -> None:
    with pytest.raises(TemplateSyntaxError):
        Template("{% load unhurried %}" + source)


def test_a_wrong_ttl_says_what_it_must_be() -> None:
    with pytest.raises(CacheError, match="seconds"):
        render(Template("{% load unhurried %}{% cached ttl 'a' %}{% endcached %}"), ttl="soon")


def test_an_instance_is_no_argument() -> None:
    part, _ = template("x", "author")
    with pytest.raises(TypeError, match=r"author\.pk"):
        render(part, author=Author(name="Jacob"))


@pytest.mark.parametrize("body", ["{{ request.META.REMOTE_ADDR }}", "{{ request.COOKIES.theme }}"])
def test_what_looks_at_a_visitor_is_not_kept(rf: RequestFactory, body: str) -> None:
    part, _ = template(body)
    seen = []
    for n in (1, 2):
        request = rf.get("/", REMOTE_ADDR=f"10.0.0.{n}")
        request.COOKIES["theme"] = f"theme-{n}"
        seen.append(part.render(RequestContext(request, {"request": request})))
    assert len(set(seen)) == 2


def plain(user: Any) -> Any:
    return user


def lazy(user: Any) -> Any:
    return SimpleLazyObject(lambda: user)


def evaluated(user: Any) -> Any:
    found = lazy(user)
    assert str(found) == str(user)
    return found


@pytest.mark.parametrize("kind", [plain, lazy, evaluated])
@pytest.mark.parametrize(
    "body",
    [
        "{{ user }}",
        "{{ user.username }}",
        "{% if user.is_authenticated %}in{% endif %}",
        "{% if perms.auth.add_user %}may{% endif %}",
        "{% if 'auth.add_user' in perms %}may{% endif %}",
        "{% if perms.auth %}may{% endif %}",
        "{% with them=perms.auth %}{% if them.add_user %}may{% endif %}{% endwith %}",
        "{% include inner %}",
        "{{ member.username }}",
        "{% if rights.auth.add_user %}may{% endif %}",
        "{{ request.user.username }}",
    ],
)
def test_the_visitor_by_way_of_context_processors(rf: RequestFactory, kind: Any, body: str) -> None:
    """They have run before the part began; a middleware of one's own may set a plain user."""
    part, _ = template(body)
    whole, inner = Template(body), Template("{{ user.username }}")
    alice = User.objects.create(username="alice", is_superuser=True)
    for user in (alice, AnonymousUser(), User.objects.create(username="bob")):
        request = rf.get("/")
        request.user = kind(user)
        more = {"member": request.user, "rights": PermWrapper(request.user), "inner": inner}
        more["request"] = request
        given = RequestContext(request, more, processors=[auth])
        before = [{**layer} for layer in given.dicts]
        expected = whole.render(RequestContext(request, more, processors=[auth]))
        assert part.render(given) == expected
        assert [{**layer} for layer in given.dicts] == before


def test_who_has_no_user_is_a_visitor_too(rf: RequestFactory) -> None:
    """A middleware may set one for some, and nothing for others."""
    part, _ = template("{{ user.username }}!")
    request = rf.get("/")
    assert part.render(RequestContext(request, processors=[auth])) == "!"
    request.user = User(username="alice")
    assert part.render(RequestContext(request, processors=[auth])) == "alice!"


@pytest.mark.parametrize(
    "body",
    [
        "{% for each in messages %}{{ each }}{% endfor %}",
        "{% csrf_token %}",
        "{{ csrf_token }}",
        "{{ session.basket }}",
        "{{ request.COOKIES.theme }}",
        "{{ cookies.theme }}",
        "{{ meta.REMOTE_ADDR }}",
    ],
)
def test_what_else_processors_have_taken_from_the_request(rf: RequestFactory, body: str) -> None:
    def processor(request: Any) -> dict[str, Any]:
        given = {"messages": get_messages(request), "session": request.session, "request": request}
        return {**given, "cookies": request.COOKIES, "meta": request.META, **csrf(request)}

    part, _ = template(body)
    seen = set()
    for n in (1, 2):
        request = rf.get("/", REMOTE_ADDR=f"10.0.0.{n}")
        request.COOKIES["theme"] = f"theme-{n}"
        request.session = SessionStore()
        request.session["basket"] = n
        request._messages = CookieStorage(request)  # type: ignore[attr-defined]
        request._messages.add(20, f"for {n}")  # type: ignore[attr-defined]
        seen.add(part.render(RequestContext(request, processors=[processor])))
    assert len(seen) == 2


def test_somebody_who_is_not_the_visitor_may_be_in_it(rf: RequestFactory) -> None:
    """A profile is of its owner, whoever looks; the view says whose by an argument."""
    part, _ = template("{{ user.username }}{{ n }}", "user.pk")
    n = Counted()
    for visitor in ("alice", "bob"):
        request = rf.get("/")
        request.user = User(username=visitor)
        given = RequestContext(request, processors=[auth])
        given.update({"user": User(pk=7, username="jacob"), "n": n})
        assert part.render(given) == "jacob1"


def test_a_list_that_was_loaded_before_it_belongs_to_it(unit: Unit) -> None:
    part, _ = template("{% for book in books %}{{ book.title }}{% endfor %}")
    books = list(Book.objects.all())
    assert render(part, books=books) == ""
    Book.objects.create(title="One", author=Author.objects.create(name="Jacob"))
    assert render(part, books=Book.objects.all()) == "One"


def test_where_nobody_recorded_what_was_loaded_before_it_is_not_kept(unit: Unit) -> None:
    unit.recording = False
    part, _ = template("{{ n }}")
    n = Counted()
    list(Book.objects.all())
    assert [render(part, n=n) for _ in range(2)] == ["1", "2"]


def test_nor_outside_of_a_request() -> None:
    part, _ = template("{{ n }}")
    n, token = Counted(), current.set(None)
    list(Book.objects.all())
    assert [render(part, n=n) for _ in range(2)] == ["1", "2"]
    current.reset(token)
