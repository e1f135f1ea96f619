"""Settings of the suite of rule 5, on the PostgreSQL of ``DB_PORT``."""

import os

from tests.settings import *  # noqa: F403

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "db",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": os.environ["DB_PORT"],
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "unhurried",
    "tests.books",
    "tests.pages",
    "tests.queries.corpus",
    "tests.queries.corpus.club",
    "tests.db.shelf",
]
# Apps without migrations refer to these: all tables are made in one go.
MIGRATION_MODULES = {"auth": None, "contenttypes": None}
ROOT_URLCONF = "tests.db.urls"
