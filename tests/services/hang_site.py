"""A site for gunicorn, whose slow pages leave a line in a file each time that they are computed."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import django
from django.conf import settings

FOLDER = Path(os.environ["HANG_FOLDER"])
POLICY = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'"

if not settings.configured:
    settings.configure(
        SECRET_KEY="tests",
        ALLOWED_HOSTS=["*"],
        USE_TZ=True,
        ROOT_URLCONF=__name__,
        STATIC_URL="/static/",
        DATABASES={"default": json.loads(os.environ["HANG_DATABASE"])},
        INSTALLED_APPS=[
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.staticfiles",
            "unhurried",
            "unhurried.later",
        ],
        MIDDLEWARE=[
            "tests.services.hang_site.strict",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
        ],
        TEMPLATES=[
            {"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}
        ],
        UNHURRIED={"STORE": str(FOLDER / "store")},
    )
    django.setup()

from django.contrib.auth import login  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.urls import path  # noqa: E402

from unhurried.later import hang_on, progress  # noqa: E402


def strict(get_response):
    def middleware(request):
        response = get_response(request)
        response["Content-Security-Policy"] = POLICY
        return response

    return middleware


@hang_on(after=0.3, keep=30)
def slow(request: HttpRequest, tenths: int) -> HttpResponse:
    with (FOLDER / "computed").open("a") as file:
        file.write(f"{os.getpid()} {time.time()}\n")
    for tenth in range(tenths):
        progress(tenth, tenths, f"step {tenth}")
        time.sleep(0.1)
    return HttpResponse(f"<title>Result</title><p id=result>{request.user} {time.time()}</p>")


def enter(request: HttpRequest, name: str) -> HttpResponse:
    user, _ = User.objects.get_or_create(username=name)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return HttpResponse(name)


urlpatterns = [
    path("slow/<int:tenths>/", slow),
    path("enter/<str:name>/", enter),
    path("first/", lambda request: HttpResponse("<title>First</title>")),
]
application = StaticFilesHandler(get_wsgi_application())


def prepare() -> None:
    call_command("migrate", verbosity=0)
