"""A user's page, as people write it: everything is counted in a loop."""

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render


def user_detail(request: HttpRequest, username: str) -> HttpResponse:
    """Who they are, what they pinned, who follows them (slide 31's ``/user/username``)."""
    person = get_object_or_404(User, username=username)
    pins = list(person.pins.all())
    likes = 0
    for pin in pins:
        pin.like_count = pin.likes.count()
        pin.comment_count = pin.comments.count()
        likes += pin.like_count
    context = {"person": person, "pins": pins, "likes": likes}
    return render(request, "accounts/user.html", context)
