"""Pages with one remedy each, where the example's own have several: what each gains by itself."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from books import fast, views
from inbox.models import Message
from pins.fast import pins_with
from unhurried.later import later


@login_required
def messages(request: HttpRequest) -> HttpResponse:
    """Written behind, and kept for nobody."""
    found = Message.objects.filter(recipient=request.user).select_related("sender__profile")[:50]
    page = render(request, "inbox/messages.html", {"messages": found})
    later(found, actor=request.user).update(received=True)
    return page


urlpatterns = [
    path("messages/", messages),
    path("with/<key>/<value>/", pins_with),
    path("api/", fast.api),
    path("import/slow/", csrf_exempt(views.import_books)),
    path("import/fast/", csrf_exempt(fast.import_books)),
]
