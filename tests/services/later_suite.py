"""Settings of the embedded suite, on the PostgreSQL of ``LATER_PORT``."""

import os

from tests.settings import *  # noqa: F403

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "later",
        "USER": "postgres",
        "HOST": "127.0.0.1",
        "PORT": os.environ["LATER_PORT"],
    }
}
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "unhurried",
    "unhurried.later",
    "tests.later.inbox",
]
ROOT_URLCONF = "tests.later.inbox.urls"
