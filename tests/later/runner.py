"""A site's tests under Django's own runner, while a task waits in the site's database.

Prints what was run, what still waits in each, and which of our threads outlived the tests.
"""

from __future__ import annotations

import json
import sys
import threading
import time
import unittest
import urllib.request
from pathlib import Path
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command
from django.http import HttpRequest, HttpResponse
from django.test import LiveServerTestCase
from django.test.runner import DiscoverRunner
from django.urls import path

FOLDER = Path(sys.argv[1])
settings.configure(
    ALLOWED_HOSTS=["*"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": FOLDER / "db.sqlite3"}},
    INSTALLED_APPS=["unhurried", "unhurried.later", "tests.later.inbox"],
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    UNHURRIED={"STORE": FOLDER / "store", "SWEEP": 0.05},
    USE_TZ=True,
)
django.setup()

from tests.later.inbox import tasks  # noqa: E402
from unhurried.later import _kick  # noqa: E402
from unhurried.later._thread import close_all  # noqa: E402
from unhurried.later.models import Waiting  # noqa: E402
from unhurried.later.reading import paused  # noqa: E402

left: list[int] = []


def page(request: HttpRequest) -> HttpResponse:
    tasks.note.delay("in a test")
    return HttpResponse()


urlpatterns = [path("", page)]


class Live(LiveServerTestCase):
    def test_page(self) -> None:
        urllib.request.urlopen(self.live_server_url).read()
        urllib.request.urlopen(self.live_server_url).read()
        left.append(Waiting.objects.count())
        call_command("unhurried", "drain", "--once", verbosity=0, stdout=sys.stderr)
        left.append(Waiting.objects.count())
        tasks.note.delay("in a test")  # and nobody looks


class Runner(DiscoverRunner):
    def build_suite(self, *args: Any, **kwargs: Any) -> unittest.TestSuite:
        return self.test_loader.loadTestsFromTestCase(Live)

    def teardown_databases(self, *args: Any, **kwargs: Any) -> None:
        super().teardown_databases(*args, **kwargs)
        time.sleep(0.5)  # a report is written


def main() -> None:
    call_command("migrate", verbosity=0)
    with paused():
        tasks.note.delay("a customer")
        _kick._kicks.pending.pop()  # whoever was asked has not come
    failures = Runner(verbosity=0).run_tests([])
    ours = ("unhurried-later", "unhurried-sweep", "unhurried-tasks")
    threads = [each.name for each in threading.enumerate() if each.name.startswith(ours)]
    close_all()  # Django leaves open what is in memory
    site = Waiting.objects.count()
    run = [args[0] for args, _ in tasks.calls]
    json.dump([failures, left, site, threads, run], sys.stdout)


if __name__ == "__main__":
    main()
