"""What every page does wrong, and what its twins do instead."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import resolve, reverse

SIDES = ("slow", "fixed", "fast")


@dataclass(frozen=True)
class Sin:
    """A page of the site, what it does wrong, and the remedy."""

    title: str
    name: str
    wrong: str
    remedy: str
    arguments: tuple[str | int, ...] = ()

    def sides(self, routes: Mapping[str, Any]) -> list["Side"]:
        """The page and its twins, with what has been measured of them."""
        urls = (reverse(f"{side}:{self.name}", args=self.arguments) for side in SIDES)
        return [Side(url, _queries(routes.get(resolve(url).route))) for url in urls]


@dataclass(frozen=True)
class Side:
    """Where a page stands, and the queries of its median visit, None before the first."""

    url: str
    queries: int | None


def _queries(route: Mapping[str, Any] | None) -> int | None:
    return round(route["queries"]["p50"]) if route and route["requests"] else None


SINS = (
    Sin(
        "Feed",
        "feed",
        "100 pins, and one query per pin for its author: the classic N+1.",
        "select_related",
    ),
    Sin(
        "A pin",
        "pin",
        "Every comment fetches its author, every like its user, every related pin all it shows; "
        "and every visit waits for its view to be counted.",
        "select_related, prefetch_related and annotated counts; a Tally counts behind",
        (1,),
    ),
    Sin(
        "A user",
        "user",
        "Likes, comments and tags are asked for pin by pin; followers are fetched one by one, "
        "and their own pins and followers counted.",
        "prefetch_related of people with their numbers",
        ("jacob",),
    ),
    Sin(
        "A tag",
        "tag",
        "60 cards of five nested includes, four queries in each.",
        "one queryset with all that a card shows",
        ("coffee",),
    ),
    Sin(
        "Pins of a place",
        "pins_with",
        "What the cameras say is looked through in Python, in every pin there is.",
        "JSON keys in the database; indexes of them",
        ("place", "Oslo"),
    ),
    Sin(
        "Books",
        "books",
        "Author and publisher once per row; the stock is summed up in Python.",
        "select_related, and Sum in the database",
    ),
    Sin(
        "Add a book",
        "create_book",
        "Two drop-down lists hold whole tables; the title is looked for by reading every book.",
        "exists() for the title; the lists stay",
    ),
    Sin(
        "Import books",
        "import_books",
        "Five statements and more for each row of the CSV: author, publisher, book.",
        "bulk_copy, after one query for all authors and one for all publishers",
    ),
    Sin(
        "Catalogue",
        "catalogue",
        "A thousand books become a thousand instances, and ask for author and publisher each.",
        "select_related; rows() of what is shown, and nothing else is made",
    ),
    Sin(
        "Books as JSON",
        "books_api",
        "Rows become instances, instances dictionaries, and dictionaries text.",
        "json_bytes: the database writes the text",
    ),
    Sin(
        "Inventory",
        "inventory",
        "All books of each publisher are loaded, for a few sums and for whose are worth most.",
        "sums in the database; a statement in books/sql/book.sql, which is a typed method",
    ),
    Sin(
        "Messages",
        "messages",
        "Every visit writes to every message before the page is sent. Needs a login.",
        "select_related of the senders; later() writes, and only what is new",
    ),
    Sin(
        "Report",
        "report",
        "A year of rows is loaded to be added up in Python, month by month.",
        "counts and sums in the database; /fast/ shows a page that waits",
    ),
)
