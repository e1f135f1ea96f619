"""Messages with their senders joined in. The writes before the answer stay: they are rule 3's."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from inbox.models import Message


@login_required
def message_list(request: HttpRequest) -> HttpResponse:
    """The reader's messages; having been shown them is having received them."""
    messages = Message.objects.filter(recipient=request.user).select_related("sender__profile")
    page = render(request, "inbox/messages.html", {"messages": messages[:50]})
    messages.update(received=True)
    return page


@login_required
@require_POST
def mark_received(request: HttpRequest) -> HttpResponse:
    """The button "Mark all as received": received or not before, every message is written."""
    messages = Message.objects.filter(recipient=request.user)
    messages.update(received=True)
    return redirect("fixed:messages")
