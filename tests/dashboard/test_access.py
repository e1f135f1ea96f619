"""Who is let in, who is sent where, and what becomes of a page when that can't be found out."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import AsyncClient, Client

from unhurried import testing
from unhurried.dashboard import _staff
from unhurried.measure import _errors

from .test_badge import MARK

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.dashboard.site")]
DECORATORS = [
    "django.contrib.admin.views.decorators.staff_member_required",
    "django.contrib.auth.decorators.login_required",
]


def only_known(user: Any) -> bool:
    """As the docs have it."""
    return bool(user.is_authenticated)


def everybody(user: Any) -> bool:
    return True


async def later(user: Any) -> bool:
    return True


def a_list(user: Any) -> list[str]:
    return ["ops"]


def nothing(user: Any) -> None:
    pass


@pytest.fixture
def said(monkeypatch, caplog):
    monkeypatch.setattr(_errors, "_said", set())
    caplog.set_level(logging.WARNING, logger="unhurried")
    return caplog


class TestOnlyTrueLetsIn:
    @pytest.mark.parametrize(
        "gate", [*DECORATORS, *(f"{__name__}.{name}" for name in ("later", "a_list", "nothing"))]
    )
    @pytest.mark.parametrize("address", ["/unhurried/", "/unhurried/metrics"])
    def test_what_is_no_answer_lets_nobody_in(self, staff, said, gate, address):
        with testing.override(PERMISSION=gate):
            for each in (staff, Client()):
                assert each.get(address).status_code in (302, 403)
        [message] = [
            record.getMessage() for record in said.records if "lets nobody in" in record.msg
        ]
        assert gate in message
        assert "return bool(" in message

    @pytest.mark.parametrize("gate", [*DECORATORS, f"{__name__}.later"])
    def test_nor_to_the_badge(self, staff, said, gate):
        with testing.override(PERMISSION=gate):
            assert MARK not in staff.get("/page/").content

    def test_true_does(self):
        with testing.override(PERMISSION=f"{__name__}.everybody"):
            assert Client().get("/unhurried/").status_code == 200


class TestWithoutUsers:
    @pytest.fixture(autouse=True)
    def nobody_looks_them_up(self, settings):
        settings.MIDDLEWARE = ["unhurried.middleware.UnhurriedMiddleware"]

    def test_permission_is_asked_of_nobody_in_particular(self, db):
        with testing.override(PERMISSION=f"{__name__}.only_known"):
            response = Client().get("/unhurried/")
        assert response.status_code == 403
        assert "AuthenticationMiddleware" in response.content.decode()

    def test_and_may_let_everybody_in(self, db):
        with testing.override(PERMISSION=f"{__name__}.everybody"):
            assert Client().get("/unhurried/").status_code == 200


@pytest.mark.django_db(transaction=True)
class TestAKeptPageIsSent:
    """The step that tells staff why it was kept asks who they are, as the badge does."""

    def test_while_the_sessions_are_away(self, visitor, monkeypatch):
        def down(self: Any) -> None:
            raise OperationalError("server closed the connection")

        with testing.override(STRICT=False):
            for _ in range(2):
                assert visitor.get("/kept/").status_code == 200
            _staff._no.clear()  # a minute later
            monkeypatch.setattr("django.contrib.sessions.backends.db.SessionStore.load", down)
            assert "hit" in visitor.get("/kept/")["Cache-Status"]

    def test_while_permission_has_a_bug(self, visitor):
        with testing.override(STRICT=False, PERMISSION="tests.dashboard.site.boom"):
            for _ in range(2):
                assert visitor.get("/kept/").status_code == 200

    def test_to_coroutines_too(self, visitor):
        client = AsyncClient()
        client.cookies = visitor.cookies
        with testing.override(STRICT=False, PERMISSION="tests.dashboard.site.boom"):
            for _ in range(2):
                assert get(client, "/kept/").status_code == 200


def test_staff_whom_a_query_tells_are_asked_in_a_thread(astaff, monkeypatch):
    def is_staff(self: User) -> bool:
        return User.objects.filter(pk=self.pk).exists()

    monkeypatch.setattr(User, "is_staff", property(is_staff, lambda self, value: None))
    for _ in range(2):
        assert MARK in get(astaff, "/apersonal/").content


@async_to_sync
async def get(client: AsyncClient, address: str) -> Any:
    return await client.get(address)
