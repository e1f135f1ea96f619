"""The example's, as somebody would run it who knows how; a run's environment says what is wrong.

FAULTS_STORE     folder of this run's measurements
FAULTS_MAX_AGE   CONN_MAX_AGE; without, connections are kept
FAULTS_SESSIONS  SESSION_ENGINE; without, sessions are in signed cookies
FAULTS_WARM      paths that each worker visits before it is visited, with FAULTS_COOKIE
"""

import os

from pinstafacegramiqus.settings import *  # noqa: F403
from pinstafacegramiqus.settings import DATA, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "planted"]
ROOT_URLCONF = "planted.urls"
WSGI_APPLICATION = "planted.wsgi.application"
UNHURRIED = {"STORE": os.environ.get("FAULTS_STORE") or DATA / "unhurried"}
SIGNED = "django.contrib.sessions.backends.signed_cookies"
SESSION_ENGINE = os.environ.get("FAULTS_SESSIONS") or SIGNED
MAX_AGE = os.environ.get("FAULTS_MAX_AGE")
DATABASES["default"]["CONN_MAX_AGE"] = int(MAX_AGE) if MAX_AGE else None
