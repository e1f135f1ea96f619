"""Pages and values beside deferred writes: what waits is nobody's business, what is applied is."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from tests.later.inbox.models import Message
from unhurried.cache import cached, cached_page
from unhurried.cache._engine._compute import own_unit
from unhurried.cache._sql._scanner import tables_of
from unhurried.later import later
from unhurried.later.reading import drain_now, paused

pytestmark = pytest.mark.django_db(transaction=True)
computed: list[int] = []


@cached(600)
def views() -> list[int]:
    computed.append(1)
    later.flush_for("ann")
    return list(Message.objects.order_by("pk").values_list("views", flat=True))


def test_a_value_is_renewed_when_the_write_is_applied_and_not_when_it_is_written_down() -> None:
    computed.clear()
    Message.objects.create(text="a")
    assert views() == views() == [0]
    assert len(computed) == 1
    with paused():
        later(Message.objects.all(), actor="bob").update(views=3)
        assert views() == [0]
        assert len(computed) == 1
        call_command("unhurried", "drain", "--once", stdout=io.StringIO())
        drain_now()
    assert views() == [3]
    assert len(computed) == 2


def test_a_page_that_puts_a_write_off_has_written_nothing() -> None:
    @cached_page(600)
    def inbox(request: HttpRequest) -> HttpResponse:
        later(Message.objects.all(), actor="bob").update(views=3)
        return HttpResponse("inbox")

    Message.objects.create(text="a")
    with paused():
        for _ in range(2):
            with own_unit():
                found = inbox(RequestFactory().get("/inbox/"))["Cache-Status"]
        drain_now()
    assert "hit" in found


def test_only_what_touches_nothing_else_is_left_out() -> None:
    own = 'UPDATE "unhurried_later_waiting" SET "due" = now()'
    both = 'SELECT 1 FROM "unhurried_later_waiting", "inbox_message"'
    assert not tables_of(own, "postgresql").writes
    assert not tables_of(own, "postgresql").timed
    assert tables_of(both, "postgresql").reads == {"unhurried_later_waiting", "inbox_message"}
    assert tables_of('DROP TABLE "unhurried_later_waiting"', "sqlite").ddl
