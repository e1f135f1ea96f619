"""A worker's site: ``celery -A tests.services.kick_site worker``. Its one lane leaves marks."""

from __future__ import annotations

import os
from pathlib import Path

import celery
import django
from django.conf import settings

FOLDER = Path(os.environ["KICK_FOLDER"])

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
app = celery.Celery("kick_site", broker=os.environ["KICK_BROKER"])
app.conf.worker_hijack_root_logger = False
django.setup()
settings.UNHURRIED = {"STORE": FOLDER / "store", "STRICT": False, "LATER": "celery"}

from unhurried.later.reading import install, lane  # noqa: E402 - needs the settings

install()


@lane("mark")
def mark() -> None:
    with (FOLDER / "marks").open("a") as marks:
        marks.write(f"{os.getpid()}\n")
