"""What the checks will say of ``LATER``; its aliases of TASKS are in ``test_tasks``."""

from __future__ import annotations

import pickle
import re
import sys
from types import ModuleType
from typing import Any

import celery
import pytest

from unhurried import testing
from unhurried.later import LaterError, _celery, _problems, later
from unhurried.later.reading import figures, install, kick, problems

from .conftest import Work, wait_until
from .inbox import tasks


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> celery.Celery:
    site = celery.Celery("site", broker="memory://", set_as_current=False)
    monkeypatch.setattr(_celery, "_app", site)
    return site


def test_nothing_is_wrong_with_the_thread() -> None:
    assert list(problems()) == []


def test_an_error_comes_back_from_another_process() -> None:
    error = LaterError("It can't be done.", "Do it now.")
    found = pickle.loads(pickle.dumps(error))
    assert (str(found), found.message, found.hint) == (str(error), error.message, error.hint)


def test_a_word_that_nobody_serves() -> None:
    with testing.override(LATER="rq"):
        ((kind, message, hint),) = problems()
    assert kind == "unserved"
    assert message == "UNHURRIED['LATER'] is 'rq', which nobody serves."
    assert hint == 'Say "thread", "tasks:<alias>" with an alias of TASKS, or "celery".'


def test_celery_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "unhurried.later._celery")
    monkeypatch.setitem(sys.modules, "celery", None)
    with testing.override(LATER="celery"):
        ((kind, message, hint),) = problems()
        install()  # no reason not to start
    assert kind == "unserved"
    assert message == "UNHURRIED['LATER'] is 'celery', but celery is not installed."
    assert hint == "pip install 'unhurried[celery]'."


def test_a_site_that_has_no_app(monkeypatch: pytest.MonkeyPatch) -> None:
    none = celery.Celery("default", set_as_current=False)
    monkeypatch.setattr(_celery, "_app", none)
    with testing.override(LATER="celery"):
        ((kind, _, hint),) = problems()
    assert (kind, hint) == (
        "app",
        "In the package of your settings: from .celery import app as celery_app",
    )


def test_celery_gets_the_kick(app: celery.Celery, work: Work) -> None:
    with testing.override(LATER="celery"):
        assert list(problems()) == []
        kick("work", label="feed")
        wait_until(lambda: figures().sent == 1)
    assert _celery.NAME in app.tasks
    app.tasks[_celery.NAME]("work", "feed")  # as a worker does
    assert work.done == 1


def test_an_eager_app_leaves_the_work_to_the_thread(app: celery.Celery, work: Work) -> None:
    app.conf.task_always_eager = True
    with testing.override(LATER="celery"):
        kick("work")
        wait_until(lambda: work.threads == ["unhurried-later"])
    assert figures().failed == 0


def test_uwsgi_without_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    uwsgi = ModuleType("uwsgi")
    uwsgi.opt = {b"http": b":8000"}  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    ((kind, message, hint),) = problems()
    assert kind == "threads"
    assert message == "UNHURRIED['LATER'] is 'thread', but uWSGI runs no threads here."
    assert "enable-threads = true" in hint
    uwsgi.opt = {b"enable-threads": True}  # type: ignore[attr-defined]
    assert list(problems()) == []


def test_tables_that_are_missing_and_who_wants_them(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if a != "unhurried.later"]
    monkeypatch.setattr(_problems, "tasks", {})
    site = ModuleType("shop.views")
    site.later = later  # type: ignore[attr-defined]
    others = {name: each for name, each in sys.modules.items() if not name.startswith("tests.")}
    monkeypatch.setattr(sys, "modules", others)
    assert list(problems()) == []
    monkeypatch.setitem(sys.modules, "shop.views", site)
    ((kind, message, hint),) = problems()
    assert kind == "tables"
    assert message == "shop.views uses unhurried.later, whose tables are missing."
    assert hint == 'INSTALLED_APPS += ["unhurried.later"], and manage.py migrate.'


def test_a_task_is_who_wants_them_too(settings: Any) -> None:
    assert tasks.note.name
    settings.INSTALLED_APPS = [a for a in settings.INSTALLED_APPS if a != "unhurried.later"]
    ((kind, message, _),) = problems()
    assert kind == "tables"
    assert re.fullmatch(r"tests\.\S+ uses unhurried\.later, whose tables are missing\.", message)
