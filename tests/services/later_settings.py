"""Settings of ``later_site``: from the environment, as each cell of the kill test wants them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import django

FOLDER = Path(os.environ["LATER_FOLDER"])
SECRET_KEY = "later"
USE_TZ = True
ALLOWED_HOSTS = ["127.0.0.1"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": json.loads(os.environ["LATER_DATABASE"])}
TASKS_APPS = ["django_tasks_db"] if django.VERSION >= (6,) else ["django_tasks", "django_tasks_db"]
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "unhurried",
    "unhurried.later",
    "tests.later.inbox",
    *(TASKS_APPS if os.environ["LATER"].startswith("tasks") else []),
]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
UNHURRIED = {"STORE": FOLDER / "store", "LATER": os.environ["LATER"]}
if "LATER_URLS" in os.environ:  # workers have none, as a rule
    ROOT_URLCONF = os.environ["LATER_URLS"]
