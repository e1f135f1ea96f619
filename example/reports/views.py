"""A report as people write it: the database hands over its rows, Python adds them up."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pins.models import Comment, Like, Pin

MONTHS = 12
MONTH = timedelta(days=365) / MONTHS


def yearly_report(request: HttpRequest) -> HttpResponse:
    """Twelve months back from the newest pin, and who was liked most in each."""
    newest = Pin.objects.order_by("-created").first()
    months = []
    if newest:
        ends = [newest.created - MONTH * number for number in range(MONTHS)]
        months = [_month(end - MONTH, end) for end in ends]
    return render(request, "reports/yearly.html", {"months": months})


def _month(start: datetime, end: datetime) -> dict[str, Any]:
    within = {"created__gt": start, "created__lte": end}
    pins = list(Pin.objects.filter(**within))
    likes = list(Like.objects.filter(**within))
    comments = list(Comment.objects.filter(**within))
    return {
        "start": start,
        "pins": len(pins),
        "likes": len(likes),
        "comments": len(comments),
        "words": sum(len(comment.text.split()) for comment in comments),
        "stars": _stars(pins),
    }


def _stars(pins: list[Pin]) -> list[tuple[User, int]]:
    """The three authors whose pins are liked most, by asking pin after pin."""
    liked: Counter[int] = Counter()
    for pin in pins[:40]:
        liked[pin.author_id] += pin.likes.count()
    return [(User.objects.get(pk=author), total) for author, total in liked.most_common(3)]
