"""``{% cached 600 "name" arg %}``: a part of a template, kept like the value of a function."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.template import Context, RequestContext, Template, TemplateSyntaxError
from django.test import RequestFactory

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
