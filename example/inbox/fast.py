"""Messages that are received a moment later: the reader waits for none of them to be written.

Nor for a page: each reader has one of their own, which is kept until somebody's message changes.
"""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST

from inbox.models import Message
from unhurried.cache import cached_page
from unhurried.later import later


@login_required
def message_list(request: HttpRequest) -> HttpResponse:
    """The reader's messages; those that were shown before have been received, at the latest now."""
    later.flush_for(request.user)
    return shown(request)


@cached_page(600, audience="user")
def shown(request: HttpRequest) -> HttpResponse:
    """Those that were shown have been received, soon. A page that is kept shows no others."""
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
