"""Kicks through Django's tasks: Django 6 has them; for 5.2 the package django-tasks does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import override_settings
from django.utils.module_loading import import_string

from unhurried import testing
from unhurried.later import _brokers, _kick
from unhurried.later.reading import figures, kick, problems

from . import backends
from .conftest import Work, wait_until

KEEPING = "tests.later.backends.KeepingBackend"
IMMEDIATE = f"{backends.API}.backends.immediate.ImmediateBackend"
DUMMY = f"{backends.API}.backends.dummy.DummyBackend"


def test_without_tasks_the_check_says_so_and_the_thread_works(
    kicks: _kick.Kicks, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    sys.modules.pop("unhurried.later._tasks", None)
    with testing.override(LATER="tasks:default", STRICT=False), monkeypatch.context() as patch:
        patch.setitem(sys.modules, backends.API, None)
        ((kind, message, hint),) = problems()
        kick("work")
        wait_until(lambda: work.done == 1)
        kicks.sender.stop()  # who has handed it on says so after that
        wait_until(lambda: not kicks.sender.alive)
    assert kind == "unserved"
    missing = f"but {backends.API} is not installed."
    assert message == f"UNHURRIED['LATER'] is 'tasks:default', {missing}"
    assert hint == "pip install django-tasks, or Django 6."


@pytest.fixture(autouse=True)
def tasks() -> Iterator[list[Any]]:
    """Aliases of every kind, none of them "default"."""
    sys.modules.pop("unhurried.later._tasks", None)
    backends.enqueued.clear()
    given = {
        "slow": {"BACKEND": KEEPING, "QUEUES": ["b", "a"]},
        "any": {"BACKEND": KEEPING, "QUEUES": []},
        "now": {"BACKEND": IMMEDIATE},
        "never": {"BACKEND": DUMMY},
        "down": {"BACKEND": "tests.later.backends.DownBackend"},
    }
    with override_settings(TASKS=given):
        yield backends.enqueued


@pytest.mark.parametrize(("alias", "queue"), [("slow", "a"), ("any", "default")])
def test_the_task_carries_the_lane_and_the_label(
    alias: str, queue: str, tasks: list[Any], work: Work
) -> None:
    with testing.override(LATER=f"tasks:{alias}"):
        kick("work", label="feed")
        wait_until(lambda: figures().sent == 1)
        assert list(problems()) == []
    path = "unhurried.later._tasks.drain"
    assert tasks == [(alias, queue, path, ("work", "feed"), {})]
    assert work.begun == 0
    import_string(path).call("work", "feed")  # as a worker does
    assert work.done == 1


@pytest.mark.parametrize("alias", ["now", "never"])
def test_backends_without_workers_do_not_get_the_work(alias: str, work: Work) -> None:
    with testing.override(LATER=f"tasks:{alias}"):
        kick("work")
        wait_until(lambda: work.threads == ["unhurried-later"])
        ((kind, message, hint),) = problems()
    assert (kind, figures().failed) == ("unfit", 0)
    assert "Backend has no workers." in message
    assert 'LATER = "thread"' in hint


def test_a_backend_that_is_down(work: Work) -> None:
    with testing.override(LATER="tasks:down"):
        kick("work")
        wait_until(lambda: work.threads == ["unhurried-later"])
    assert (figures().failed, figures().breaker) == (1, "open")


def test_an_alias_that_tasks_lacks() -> None:
    with testing.override(LATER="tasks:sloow"):
        ((kind, message, hint),) = problems()
    assert kind == "unserved"
    assert message == "UNHURRIED['LATER'] is 'tasks:sloow', but TASKS has no alias 'sloow'."
    assert hint == "Its aliases: 'slow', 'any', 'now', 'never', 'down'."


def test_a_worker_with_other_settings_knows_the_task(work: Work) -> None:
    with testing.override(LATER="thread"):
        import_string("unhurried.later._tasks.drain").call("work")
    assert work.done == 1
    assert _brokers._brokers == {}
