"""Messages that are received a moment later: the reader waits for none of them to be written."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from inbox.models import Message
from unhurried.later import later


@login_required
def message_list(request: HttpRequest) -> HttpResponse:
    """The reader's messages; those that were shown have been received, soon."""
    later.flush_for(request.user)
    messages = Message.objects.filter(recipient=request.user).select_related("sender__profile")[:50]
    page = render(request, "inbox/messages.html", {"messages": messages})
    later(messages, actor=request.user).update(received=True)
    return page


@login_required
@require_POST
def mark_received(request: HttpRequest) -> HttpResponse:
    """The button "Mark all as received": those that are received already are not written."""
    messages = Message.objects.filter(recipient=request.user)
    later(messages, actor=request.user).update(received=True)
    return redirect("fast:messages")
