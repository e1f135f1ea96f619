"""What visitors send is never kept: a fuzz with unique secrets, and a look at all our bytes."""

from __future__ import annotations

import json
import logging
import random
import sqlite3
import string
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import celery
import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.test import AsyncClient, Client
from django.test.utils import override_settings
from django.urls import include, path, re_path

from unhurried.measure import _errors, _history, _outside, measured, snapshot, timer
from unhurried.measure._layout import VERSION
from unhurried.testing import override

pytestmark = pytest.mark.django_db

# What a careless parser, encoder or file format might choke on, and so spill.
SPICE = ["", "'", '"', "\\", "%", "%s", "{x}", "<b>", "é", "雪", "\u2028", "💥", ";--", "&", "\t"]


class Secrets:
    """Unique strings, remembered; a part of each is enough to be recognised by."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.cores: list[str] = []

    def __call__(self, spice: bool = True) -> str:
        core = "zq" + "".join(self._random.choices(string.ascii_lowercase + string.digits, k=14))
        self.cores.append(core)
        return core + self._random.choice(SPICE if spice else [""])

    def found_in(self, data: bytes) -> list[str]:
        return [core for core in self.cores if core.encode() in data.lower()]


def use_everything(request: HttpRequest, *args: str, **kwargs: str) -> HttpResponse:
    """A view that carries what it is sent to every place that is measured."""
    sent = [*request.GET.values(), *request.POST.values(), *request.COOKIES.values(), *args]
    sent += [*kwargs.values(), request.headers.get("X-Secret", "")]
    for secret in sent:
        list(User.objects.filter(username=secret, first_name__icontains=secret))
        with connection.cursor() as cursor:
            cursor.execute("SELECT %s, '" + secret.replace("'", "''").replace("%", "%%") + "'", [1])
            cursor.executemany("UPDATE auth_user SET email = %s WHERE id = 0", [[secret]])
        cache.set(f"key-{len(secret)}-{hash(secret)}", secret)
        cache.get(urllib.parse.quote(secret)[:100])
        request.session[secret[:10]] = secret
        template = engines["django"].from_string("{{ secret }}" + secret.replace("{", ""))
        template.render({"secret": secret})
        with timer("used"):
            pass
    return HttpResponse("; ".join(sent), headers={"X-Answer": urllib.parse.quote(sent[0])})


def fail(request: HttpRequest, secret: str) -> HttpResponse:
    raise ValueError(secret, request.GET)


async def afail(request: HttpRequest, secret: str) -> HttpResponse:
    raise ValueError(secret)


def bad_sql(request: HttpRequest, secret: str) -> HttpResponse:
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT "{secret}" FROM nowhere_{len(secret)}')
    return HttpResponse()


def stream(request: HttpRequest, secret: str) -> StreamingHttpResponse:
    def chunks() -> Iterator[str]:
        yield secret
        raise ValueError(secret)

    return StreamingHttpResponse(chunks())


urlpatterns = [
    path("use/<str:secret>/", use_everything),
    path("use/", use_everything),
    re_path(r"^match/(.+)/$", use_everything),
    path("fail/<path:secret>/", fail),
    path("afail/<path:secret>/", afail),
    path("sql/<path:secret>/", bad_sql),
    path("stream/<path:secret>/", stream),
    path("unhurried/", include("unhurried.urls")),
]


class Command(BaseCommand):
    stealth_options = ("secret",)

    def handle(self, *args: Any, **options: Any) -> None:
        raise ValueError(options["secret"])


app = celery.Celery("privacy", broker="memory://", set_as_current=False)
_outside._listen_to_celery()


@app.task(name="private")
def private(secret: str, *, other: str) -> None:
    raise ValueError(secret, other)


def quoted(secret: str) -> str:
    return urllib.parse.quote(secret, safe="")


def visit(client: Client, secret: Secrets) -> None:
    """One visitor with everything a request can carry."""
    user = User.objects.create_user(secret()[:100], f"{secret(False)}@example.com", secret())
    client.force_login(user)
    client.cookies[secret(False)] = secret(False)
    headers = {
        "X-Secret": quoted(secret()),
        "User-Agent": secret(False),
        "Referer": f"https://example.com/?{secret(False)}",
        "X-Forwarded-For": secret(False),
        "X-Request-Start": f"t={secret(False)}",
        "X-Request-ID": secret(False),
        "Authorization": f"Bearer {secret(False)}",
        "Host": f"{secret(False)}.example.com",
    }
    for _ in range(2):
        query = f"?{quoted(secret())}={quoted(secret())}"
        client.get(f"/use/{quoted(secret())}/{query}", headers=headers)
        client.post(f"/use/{query}", {secret(): secret()}, headers=headers)
        client.get(f"/match/{quoted(secret())}/{query}")
        client.post("/use/", json.dumps({"x": secret()}), content_type="application/json")
        client.get(f"/{secret(False)}/{quoted(secret())}/{query}")  # goes nowhere
        client.get(f"/unhurried/{secret(False)}/{query}")
        for name in ("fail", "sql", "stream"):
            response = client.get(f"/{name}/{quoted(secret())}/{query}", headers=headers)
            if response.streaming:
                with pytest.raises(ValueError, match="zq"):
                    response.getvalue()
                response.close()
        client.generic(secret(False).upper(), f"/use/{query}")


def work(secret: Secrets) -> None:
    """The same without a request."""
    private.apply((secret(),), {"other": secret()}, task_id=secret(False))
    with pytest.raises(ValueError, match="zq"):
        call_command(Command(), secret=secret())
    with pytest.raises(ValueError, match="zq"), measured("job"):
        raise ValueError(secret())


async def avisit(secret: Secrets) -> None:
    client = AsyncClient(raise_request_exception=False)
    client.cookies["a"] = secret(False)
    await client.get(f"/afail/{quoted(secret())}/?a={quoted(secret())}")
    await client.get(f"/use/{quoted(secret())}/?a={quoted(secret())}")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], bytes]]:
    """Everything our own loggers say, tracebacks included."""
    monkeypatch.setattr(_errors, "_said", set())
    lines: list[str] = []
    handler = logging.Handler()
    formatter = logging.Formatter()
    handler.emit = lambda record: lines.append(formatter.format(record))  # type: ignore[method-assign]
    logging.getLogger("unhurried").addHandler(handler)
    yield lambda: "\n".join(lines).encode()
    logging.getLogger("unhurried").removeHandler(handler)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_that_visitors_send_is_kept(
    store: Path, logged: Callable[[], bytes], seed: int
) -> None:
    secret = Secrets(seed)
    history = _history.History(store / f"v{VERSION}")
    with override_settings(ROOT_URLCONF=__name__), override(STORE=store, STRICT=False):
        visit(Client(raise_request_exception=False), secret)
        history.sample(1000.0)
        visit(Client(raise_request_exception=False), secret)
        work(secret)
        async_to_sync(avisit)(secret)
        history.sample(1010.0)
        numbers = snapshot()
    assert set(numbers["routes"]) >= {
        *("(none)", "use/<str:secret>/", "use/", "^match/(.+)/$", "fail/<path:secret>/"),
        *("afail/<path:secret>/", "sql/<path:secret>/", "stream/<path:secret>/"),
        *("task:private", "command:test_privacy", "job"),
    }
    assert numbers["routes"]["use/"]["queries"]["sum"] > 30  # it did carry them there
    assert len(secret.cores) > 70
    files = [path for path in store.rglob("*") if path.is_file()]
    assert {"names", "lock", "slot-0", "history.sqlite"} <= {path.name for path in files}
    for path_ in files:
        assert secret.found_in(path_.read_bytes()) == [], path_
    samples = json.dumps(_unpacked(store))
    assert "use/<str:secret>/" in samples
    assert secret.found_in(samples.encode()) == []
    assert secret.found_in(json.dumps(numbers, ensure_ascii=False).encode()) == []
    assert secret.found_in(logged()) == []


def _unpacked(store: Path) -> list[Any]:
    """History is compressed: its bytes say nothing."""
    with closing(sqlite3.connect(store / f"v{VERSION}" / "history.sqlite")) as database:
        rows = database.execute("SELECT data FROM sample").fetchall()
    assert rows
    return [_history._unpack(data) for (data,) in rows]


def test_failures_of_the_store_tell_no_secret(tmp_path: Path, logged: Callable[[], bytes]) -> None:
    """Nor when measuring itself goes wrong in the middle of such a request."""
    (tmp_path / "file").write_text("")
    secret = Secrets(99)
    with (
        override_settings(ROOT_URLCONF=__name__),
        override(STORE=tmp_path / "file" / "store", STRICT=False),
    ):
        visit(Client(raise_request_exception=False), secret)
    assert b"Measuring is off" in logged()
    assert secret.found_in(logged()) == []


def test_bugs_of_ours_tell_no_secret(
    store: Path, logged: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*args: object) -> None:
        raise ZeroDivisionError("a bug of ours")

    secret = Secrets(98)
    monkeypatch.setattr("unhurried.measure._rows.Route.write", bug)
    with override_settings(ROOT_URLCONF=__name__), override(STORE=store, STRICT=False):
        visit(Client(raise_request_exception=False), secret)
    assert b"a bug of ours" in logged()
    assert secret.found_in(logged()) == []
