"""A user's page, counted by the database."""

from django.contrib.auth.models import User
from django.db.models import Count, Prefetch
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render

from pins.fixed import counted


def user_detail(request: HttpRequest, username: str) -> HttpResponse:
    """Who they are, what they pinned, who follows them (slide 31's ``/user/username``)."""
    followers = User.objects.annotate(
        pin_count=Count("pins", distinct=True), follower_count=Count("followers", distinct=True)
    )
    people = User.objects.select_related("profile").prefetch_related(
        Prefetch("followers__follower", followers)
    )
    person = get_object_or_404(people, username=username)
    pins = counted(person.pins.prefetch_related("tags"))
    likes = sum(pin.like_count for pin in pins)
    context = {"person": person, "pins": pins, "likes": likes}
    return render(request, "accounts/fixed/user.html", context)
