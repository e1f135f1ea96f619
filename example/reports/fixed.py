"""The report added up where the rows are: the database hands over sums."""

from collections import Counter
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db.models import Count, QuerySet, Sum, Value
from django.db.models.functions import Length, Replace
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from pins.fixed import number_of
from pins.models import Comment, Like, Pin
from reports.views import MONTH, MONTHS

# Comments have single spaces, so the words are one more.
WORDS = Length("text") - Length(Replace("text", Value(" "))) + 1


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
    pins = Pin.objects.filter(**within)
    comments = Comment.objects.filter(**within)
    return {
        "start": start,
        "pins": pins.count(),
        "likes": Like.objects.filter(**within).count(),
        **comments.aggregate(comments=Count("pk"), words=Sum(WORDS, default=0)),
        "stars": _stars(pins),
    }


def _stars(pins: QuerySet[Pin]) -> list[tuple[User, int]]:
    """The three authors whose pins are liked most, counted by the database."""
    liked: Counter[User] = Counter()
    pins = pins.annotate(like_count=number_of(Like.objects.all()))
    for pin in pins.select_related("author")[:40]:
        liked[pin.author] += pin.like_count
    return liked.most_common(3)
