"""The page of what waits: what it shows, and who may have what is dead tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.db.models import F
from django.test import Client

from tests.later.inbox import tasks
from tests.later.inbox.models import Message
from unhurried.dashboard import _later_views
from unhurried.later import later
from unhurried.later._outbox import _tables
from unhurried.later._outbox._clock import in_seconds
from unhurried.later.models import Dead, Waiting, Work
from unhurried.later.reading import drain, drain_now, paused
from unhurried.measure import measured

from .test_pages import Strict, seen

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.urls("tests.dashboard.site")]
PAGE = "/unhurried/later/"


@pytest.fixture(autouse=True)
def nobody_works(store: Any) -> Iterator[None]:
    with paused():
        yield
        drain_now()


def fail_for_good() -> Dead:
    tasks.fails.delay("<secret>")
    Waiting.objects.update(attempts=2)
    drain(once=True)
    return Dead.objects.get()


def test_without_the_middleware_for_csrf_the_page_has_its_cookie(settings: Any) -> None:
    settings.MIDDLEWARE = [each for each in settings.MIDDLEWARE if "Csrf" not in each]
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.create(username="staff", is_staff=True))
    strict.get(PAGE)
    form = {"do": "discard", "csrfmiddlewaretoken": strict.cookies["csrftoken"].value}
    address = "/unhurried/later/dead/default/1/"
    assert strict.post(address, form).status_code == 404
    assert strict.post(address, {"do": "discard"}).status_code == 403


def test_nothing_waits(staff: Client) -> None:
    html = seen(staff, PAGE)
    Strict(html)
    assert "Nothing waits." in html
    assert "later(messages).update(received=True)" in html


def test_what_waits_and_what_it_has_brought(staff: Client) -> None:
    with measured("work"):
        Message.objects.create(text="a")
        for _ in range(3):
            later(Message.objects.all()).update(views=F("views") + 1)
    drain(once=True)
    later(Message.objects.all()).update(views=7)
    tasks.note.using(lane="mail").delay(1)
    Waiting.objects.filter(lane="mail").update(due=in_seconds(-90))
    html = seen(staff, PAGE)
    Strict(html)
    assert html.index("mail") < html.index("inbox.Message")  # the latest first
    assert re.search("the oldest for 9\\d(\\.\\d)?\u00a0s", html)
    row = html[html.index("inbox.Message") :].split("</tr>")[0]
    assert "<td>1</td>" in row  # waits
    assert "<td>4</td>" in row  # deferred
    assert '<td class="minor">2</td>' in row  # merged
    assert "statements that write" in html


def test_the_dead_and_nothing_that_is_somebodys(staff: Client) -> None:
    fail_for_good()
    html = seen(staff, PAGE)
    Strict(html)
    assert tasks.fails.name in html
    assert "ValueError: no mail for &lt;secret&gt;" in html
    assert '"args"' not in html


def test_pages_in_the_making(staff: Client) -> None:
    Work.objects.create(key="k", state="running", route="/report/", asked="{}", done=3, total=10)
    html = seen(staff, PAGE)
    assert "/report/" in html
    assert "3 of 10" in html


def test_the_dead_are_tried_again_and_discarded(staff: Client) -> None:
    row = fail_for_good()
    answer = staff.post(f"{PAGE}dead/default/{row.pk}/", {"do": "retry"})
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    assert (Dead.objects.count(), Waiting.objects.count()) == (0, 1)
    again = staff.post(f"{PAGE}dead/default/{row.pk}/", {"do": "retry"})
    assert again.status_code == 404
    assert b"somebody has tried it again" in again.content
    Waiting.objects.update(attempts=2)
    drain(once=True)
    staff.post(f"{PAGE}dead/default/{Dead.objects.get().pk}/", {"do": "discard"})
    assert (Dead.objects.count(), Waiting.objects.count()) == (0, 0)


def test_only_by_post_by_who_may_and_from_our_own_page(staff: Client) -> None:
    url = f"{PAGE}dead/default/{fail_for_good().pk}/"
    assert staff.get(url).status_code == 405
    assert Client().post(url, {"do": "discard"}).status_code == 403
    reader = Client()
    reader.force_login(User.objects.create(username="reader"))
    assert reader.post(url, {"do": "discard"}).status_code == 403
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(User.objects.get(is_staff=True))
    assert strict.post(url, {"do": "discard"}).status_code == 403
    assert Dead.objects.count() == 1
    token = strict.get(PAGE).content.decode().split('csrfmiddlewaretoken" value="')[1][:64]
    form = {"do": "discard", "csrfmiddlewaretoken": token}
    assert strict.post(url, form).status_code == 302
    assert Dead.objects.count() == 0


@pytest.mark.parametrize("path", ["nowhere/1/", "default/1/"])
def test_nonsense(staff: Client, path: str) -> None:
    assert staff.post(f"{PAGE}dead/{path}", {"do": "eat"}).status_code == 400


def test_without_tables(staff: Client, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_later_views, "aliases", list)
    html = seen(staff, PAGE)
    assert "<pre>manage.py migrate</pre>" in html
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if a != "unhurried.later"]
    html = seen(staff, PAGE)
    Strict(html)
    assert "INSTALLED_APPS += [&quot;unhurried.later&quot;], and manage.py migrate" in html
    assert _tables.LINE


def test_a_database_that_is_away(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OperationalError("secret")

    monkeypatch.setattr(_later_views, "lanes_now", away)
    answer = staff.get(PAGE)
    assert answer.status_code == 503
    assert b"OperationalError" in answer.content
    assert b"secret" not in answer.content
