"""Other packages answer the ORM from their own cache: what was read is not seen, so nothing is
kept.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.checks import run_checks
from django.http import HttpResponse
from django.template import engines
from django.test import Client, override_settings
from django.urls import path

from tests.books.models import Author, Book
from tests.diagnose import windows
from unhurried.cache import cached, cached_page
from unhurried.cache._engine._beside import unseen
from unhurried.cache._regions import Verdict, record, verdict_of
from unhurried.diagnose._asking import of

from .pages import MIDDLEWARE, site_with

pytestmark = pytest.mark.django_db(transaction=True)
numbers = count(1)
#: app -> (what sets it to work, what switches it off).
APPS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "cachalot": ({}, {"CACHALOT_ENABLED": False}),
    "cacheops": ({"CACHEOPS": {"*.*": {"ops": "all"}}}, {"CACHEOPS_ENABLED": False}),
    "parler": ({}, {"PARLER_ENABLE_CACHING": False}),
}


def page(request: Any) -> HttpResponse:
    return HttpResponse("<p>nobody's</p>")


urlpatterns = [path("unkept/", page), path("kept/", cached_page(600)(page))]


@pytest.fixture(params=sorted(APPS))
def app(request: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Installed, by a package of that name that does nothing."""
    name: str = request.param
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    installed = [*settings.INSTALLED_APPS, name]
    with site_with(MIDDLEWARE["first"], INSTALLED_APPS=installed, **APPS[name][0]):
        yield name
    sys.modules.pop(name, None)


@pytest.fixture
def book() -> Book:
    return Book.objects.create(title="One", author=Author.objects.create(name="Jacob"))


def switched_off(app: str) -> Any:
    return override_settings(**APPS[app][1])


def verdict(address: str) -> Verdict:
    with record() as recorder:
        response = Client().get(address)
    return verdict_of(recorder, response, [])


def test_a_function_is_computed_each_time(app: str, book: Book) -> None:
    ran: list[int] = []

    @cached(600, key=f"beside-{next(numbers)}")
    def titles() -> list[str]:
        ran.append(1)
        return [book.title for book in Book.objects.all()]

    assert titles() == titles() == ["One"]
    assert (titles.peek().state, len(ran)) == ("missing", 2)
    with switched_off(app):
        assert titles() == titles() == ["One"]
        assert (titles.peek().state, len(ran)) == ("fresh", 3)


def test_a_page_says_why_and_the_way_out(app: str, book: Book, client: Client) -> None:
    with override_settings(DEBUG=True):
        for _ in range(2):
            status = client.get("/books/")["Cache-Status"]
            assert "hit" not in status
            assert f"{app} answers the ORM from its own cache" in status
            assert f"{next(iter(APPS[app][1]))} = False" in status
    with switched_off(app):
        client.get("/books/")
        assert "hit" in client.get("/books/")["Cache-Status"]


def test_a_part_of_a_template(app: str, book: Book) -> None:
    ran: list[int] = []
    template = engines["django"].from_string(
        f'{{% load unhurried %}}{{% cached 600 "beside-{next(numbers)}" %}}{{{{ ran }}}}'
        "{% endcached %}"
    )
    for _ in range(2):
        template.render({"ran": lambda: ran.append(1)})
    assert len(ran) == 2


def test_the_check_says_so(app: str) -> None:
    def warned() -> list[Any]:
        return [each for each in run_checks() if each.id == "unhurried.W207"]

    [found] = warned()
    assert found.msg.startswith(f"{app} answers the ORM from its own cache")
    assert next(iter(APPS[app][1])) in found.hint
    with switched_off(app):
        assert not warned()


def test_diagnose_does_not_advise_to_keep_a_page(app: str) -> None:
    with override_settings(ROOT_URLCONF=__name__):
        refused, told = verdict("/unkept/"), verdict("/kept/")
        with switched_off(app):
            proposed = verdict("/unkept/")
    assert refused.remedy == told.remedy == []
    assert f"{app} answers the ORM" in refused.said
    assert told.kept.startswith(f"cached_page does not keep it: {app} answers the ORM")
    assert proposed.remedy == ["@cached_page(600)"]


def test_nor_does_what_was_measured(app: str) -> None:
    window = windows.healthy(
        units={windows.unit("feed/"): windows.route(wall=300, template=250, paths=125)},
        statements=[],
        samples=[],
    )
    [refused] = of(window).findings
    assert not refused.remedy
    assert f"{app} answers the ORM" in refused.advice
    with switched_off(app):
        [proposed] = of(window).findings
    assert proposed.remedy == ["@cached_page(600)"]


@pytest.mark.parametrize("app", ["cacheops"], indirect=True)
def test_cacheops_without_a_rule_answers_nothing(app: str) -> None:
    assert unseen()
    with override_settings(CACHEOPS={}):
        assert not unseen()
