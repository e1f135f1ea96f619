"""A site for gunicorn whose pages take long; ``hang_site.py tables`` makes its tables and users.

HANG_FOLDER holds what it notes down; HANG_DATABASE is its database, as JSON; HANG_LATER says who
makes its pages. Celery's workers have it as their app, on HANG_BROKER.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import celery
import django
from django.conf import settings

FOLDER = Path(os.environ["HANG_FOLDER"])

settings.configure(
    SECRET_KEY="hang",
    ALLOWED_HOSTS=["*"],
    USE_TZ=True,
    ROOT_URLCONF=__name__,
    STATIC_URL="static/",
    DATABASES={"default": json.loads(os.environ["HANG_DATABASE"])},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "unhurried",
        "unhurried.later",
    ],
    MIDDLEWARE=[
        "unhurried.middleware.UnhurriedMiddleware",
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    UNHURRIED={"STORE": FOLDER / "store", "LATER": os.environ.get("HANG_LATER", "thread")},
)
app = celery.Celery("hang_site", broker=os.environ.get("HANG_BROKER", "memory://"))
django.setup()

from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.sessions.backends.db import SessionStore  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

from unhurried.later import hang_on, progress  # noqa: E402


def note(name: str, text: object) -> None:
    with (FOLDER / name).open("a") as file:
        file.write(f"{text}\n")


@hang_on(after=0.3, limit=100)
def report(request: HttpRequest, name: str, seconds: int) -> HttpResponse:
    note(name, os.getpid())
    for n in range(10 * seconds):
        progress(n, 10 * seconds, f"{n} of {10 * seconds}")
        time.sleep(0.1)
    note(f"{name}.ended", time.time())
    who = request.user.get_username() or "nobody"
    return HttpResponse(f"<h1>{name} for {who}</h1>")


urlpatterns = [
    path("ready/", lambda request: HttpResponse("ready")),
    path("report/<str:name>/<int:seconds>/", report),
]


def tables() -> None:
    """Two users, each with a session: their keys are said."""
    call_command("migrate", verbosity=0)
    said = {}
    for name in ("ann", "bob"):
        user = User.objects.create_user(name)
        session = SessionStore()
        session[SESSION_KEY] = str(user.pk)
        session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
        session[HASH_SESSION_KEY] = user.get_session_auth_hash()
        session.create()
        said[name] = session.session_key
    sys.stdout.write(json.dumps(said))


if sys.argv[1:] == ["tables"]:
    tables()
else:
    application = get_wsgi_application()
