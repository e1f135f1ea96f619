"""Settings of the embedded suite: SQLite in memory, local-memory cache, every built-in piece on."""

import atexit
import os
import shutil
import tempfile

import django

SECRET_KEY = "tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
STATIC_URL = "static/"
ROOT_URLCONF = "tests.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "unhurried",
    "unhurried.later",
    *(["django_tasks"] if django.VERSION < (6,) else []),  # from 6.0 it has them
    "django_tasks_db",
    "tests.later.inbox",
    "tests.books",
    "tests.pages",
    "tests.db.shelf",
    "tests.queries.corpus",
    "tests.queries.corpus.club",
]
MIDDLEWARE = [
    "unhurried.middleware.UnhurriedMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The fixture ``store`` gives each test a folder of its own; this one is for what has none.
UNHURRIED = {
    "STORE": tempfile.mkdtemp(prefix="unhurried-tests-"),
    "STRICT": True,
    "SWEEP": None,
    "WATCH": False,  # a thread for each test's store; its own tests have it
}


# Registered before the app's own, and so run after what that still writes at the end.
@atexit.register
def remove(mine: int = os.getpid()) -> None:
    if os.getpid() == mine:  # no child's
        shutil.rmtree(UNHURRIED["STORE"], ignore_errors=True)
