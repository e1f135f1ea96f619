"""Settings of the example site; everything that differs per machine comes from the environment.

PINSTA_DATA   folder for the database, the secret key and the measurements (example/var)
DATABASE_URL  another database, e.g. postgres://user:password@127.0.0.1:5432/pinsta
PINSTA_DEBUG  1 for Django's debug pages
"""

import os
from pathlib import Path

from pinstafacegramiqus.data import data_folder, database, secret_key

DATA = data_folder(default=Path(__file__).resolve().parent.parent / "var")
SECRET_KEY = secret_key(DATA)
DEBUG = os.environ.get("PINSTA_DEBUG") == "1"
ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "unhurried",
    "unhurried.later",
    "pinstafacegramiqus",
    "accounts",
    "pins",
    "inbox",
    "books",
    "reports",
]
MIDDLEWARE = [
    "unhurried.middleware.UnhurriedMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "pinstafacegramiqus.csp.strict_csp",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
UNHURRIED = {
    # In the data folder, so that `manage.py unhurried top` in a second terminal finds it.
    "STORE": DATA / "unhurried",
    # It gives each page the same header, which a kept page has already.
    "NEUTRAL_MIDDLEWARE": ["pinstafacegramiqus.csp.strict_csp"],
}

ROOT_URLCONF = "pinstafacegramiqus.urls"
WSGI_APPLICATION = "pinstafacegramiqus.wsgi.application"
ASGI_APPLICATION = "pinstafacegramiqus.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "pinstafacegramiqus.layout.layout",
            ]
        },
    }
]

# Connections outlive their request: opening one costs more than most of what is asked through it.
DATABASES = {"default": database(os.environ.get("DATABASE_URL", ""), DATA) | {"CONN_MAX_AGE": 60}}
CACHES = {
    "default": {
        # All processes share it, and nothing is to be installed. A real site has Redis here.
        "BACKEND": "django.core.cache.backends.filebased.FileBasedCache",
        "LOCATION": DATA / "kept",
        "OPTIONS": {"MAX_ENTRIES": 10_000},  # Django's 300 are fewer than there are pages
    }
}
# Who is logged in is all that a session has here: a signed cookie holds it, and nobody asks for it.
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "front"
LOGOUT_REDIRECT_URL = "front"

# Without DEBUG, Django would only mail what went wrong; here it is read in a terminal or a log.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"stderr": {"class": "logging.StreamHandler"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
