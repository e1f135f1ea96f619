"""A site that any server can run, for what a process says of itself. PROCESS_STORE is its store."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.http import HttpRequest, HttpResponse

settings.configure(
    SECRET_KEY="process",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["unhurried"],
    MIDDLEWARE=["unhurried.middleware.UnhurriedMiddleware"],
    UNHURRIED={"STORE": os.environ["PROCESS_STORE"], "STRICT": True},
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.urls import path  # noqa: E402


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse("empty")


urlpatterns = [path("empty/", empty)]
wsgi, asgi = get_wsgi_application(), get_asgi_application()
