"""Pages that are slow in one way each. ``X-Injected``: the milliseconds of it, by this clock."""

from __future__ import annotations

import time
from itertools import count

from django.db import connection
from django.db.models import F
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.csrf import csrf_exempt

from books.models import Book
from planted.models import Visit

ROWS = [{"sku": n * 31 % 1009, "twin": n * 17 % 1013, "price": n} for n in range(1300)]
SHELF = 5
baskets, hands = count(), count()


class Clock:
    """``with Clock() as clock: …``; then ``clock.on(response)``."""

    def __enter__(self) -> Clock:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *error: object) -> None:
        self.took = time.perf_counter() - self._began

    def on(self, response: HttpResponse) -> HttpResponse:
        response["X-Injected"] = f"{1000 * self.took:.3f}"
        return response


def search(request: HttpRequest) -> HttpResponse:
    """Whom a word is found at: the server reads and sorts a whole table."""
    word = request.GET.get("q", "abc")
    with Clock() as clock:
        found = list(Visit.objects.filter(page__contains=word).order_by("seconds", "page")[:20])
    return clock.on(JsonResponse({"found": [each.page for each in found]}))


def waiting(request: HttpRequest) -> HttpResponse:
    """Waits 60 ms for the database, which does nothing."""
    with Clock() as clock, connection.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(0.06)")
    return clock.on(JsonResponse({"waited": True}))


def pay(request: HttpRequest) -> HttpResponse:
    """Calls a package that sleeps."""
    import slowpoke  # planted in the run that needs it

    with Clock() as clock:
        receipt = slowpoke.charge(1200)
    return clock.on(JsonResponse({"receipt": receipt}))


def table(request: HttpRequest) -> HttpResponse:
    """A template that does what the view should have done."""
    with Clock() as clock:
        page = render_to_string("planted/table.html", {"rows": ROWS[:64], "columns": range(18)})
    return clock.on(HttpResponse(page))


def basket(request: HttpRequest) -> HttpResponse:
    """One visit in five meets a basket without a price."""
    prices = {"book": 12}
    wanted = "pen" if next(baskets) % 5 == 0 else "book"
    return JsonResponse({"price": prices[wanted]})


def alike(request: HttpRequest) -> HttpResponse:
    """Compares everything with everything."""
    with Clock() as clock:
        found = 0
        for one in ROWS:
            for other in ROWS:
                if one["sku"] == other["twin"]:
                    found += 1
    return clock.on(JsonResponse({"alike": found}))


@csrf_exempt
def stock(request: HttpRequest) -> HttpResponse:
    """Takes a copy from the shelf, or waits for who holds its row."""
    pk = next(hands) % SHELF + 1
    with Clock() as clock:
        Book.objects.filter(pk=pk).update(stock=F("stock") + 1)
    return clock.on(JsonResponse({"taken": pk}))


def story(request: HttpRequest) -> HttpResponse:
    """A page of which browsers tell what they waited for."""
    return render(request, "planted/story.html", {"paragraphs": range(30)})
