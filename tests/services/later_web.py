"""A site whose one page defers a write and delays a task: for ``test_later_servers``."""

from __future__ import annotations

from django.core.asgi import get_asgi_application
from django.core.wsgi import get_wsgi_application
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, JsonResponse
from django.urls import path

wsgi, asgi = get_wsgi_application(), get_asgi_application()

from tests.later.inbox.models import Message  # noqa: E402 - there are apps now
from tests.later.inbox.tasks import prove  # noqa: E402
from unhurried.later import later  # noqa: E402
from unhurried.later.reading import problems  # noqa: E402


def defer(request: HttpRequest, name: str) -> JsonResponse:
    with transaction.atomic():
        later(Message.objects.all()).update(weight=F("weight") + 1)
        prove.delay(name)
    return JsonResponse([kind for kind, *_ in problems()], safe=False)


urlpatterns = [path("<name>/", defer)]
