"""The front page, which says what is wrong with every other page, and the login link."""

from dataclasses import dataclass

from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache

from pins.models import Pin
from pinstafacegramiqus.login_links import user_for

DASHBOARD = "/unhurried/"


@dataclass(frozen=True)
class Sin:
    """A page of the site and what it does wrong."""

    title: str
    name: str
    wrong: str
    arguments: tuple[str | int, ...] = ()

    @property
    def url(self) -> str:
        return reverse(f"slow:{self.name}", args=self.arguments)


SINS = (
    Sin("Feed", "feed", "100 pins, and one query per pin for its author: the classic N+1."),
    Sin(
        "A pin",
        "pin",
        "Every comment fetches its author, every like its user, every related pin all it shows.",
        (1,),
    ),
    Sin(
        "A user",
        "user",
        "Likes, comments and tags are asked for pin by pin; followers are fetched one by one, "
        "and their own pins and followers counted.",
        ("jacob",),
    ),
    Sin("A tag", "tag", "60 cards of five nested includes, four queries in each.", ("coffee",)),
    Sin("Books", "books", "Author and publisher once per row; the stock is summed up in Python."),
    Sin(
        "Add a book",
        "create_book",
        "Two drop-down lists hold whole tables; the title is looked for by reading every book.",
    ),
    Sin(
        "Messages",
        "messages",
        "Every visit writes to every message before the page is sent. Needs a login.",
    ),
    Sin("Report", "report", "A year of rows is loaded to be added up in Python, month by month."),
)


def front(request: HttpRequest) -> HttpResponse:
    """All pages with what they do wrong; on a bare database, how to fill it."""
    context = {"sins": SINS, "dashboard": DASHBOARD, "seeded": Pin.objects.exists()}
    return render(request, "front.html", context)


@never_cache
def login_by_link(request: HttpRequest, token: str) -> HttpResponse:
    """Log in who holds the link the demo printed, and show the dashboard."""
    user = user_for(token)
    if user is None:
        return render(request, "link_void.html", status=403)
    login(request, user, backend="django.contrib.auth.backends.ModelBackend")
    return redirect(DASHBOARD)
