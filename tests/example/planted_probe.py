"""Run in a process of its own: what is found on both sides, and proven, as JSON."""

import json
import sys
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402

from unhurried.queries import count_queries  # noqa: E402
from unhurried.queries.reading import prove_url  # noqa: E402

Visit = tuple[str, str, dict[str, str] | None]

SCALE = 0.01
PAGES = (
    "feed/",
    "pin/1/",
    "user/jacob/",
    "tag/coffee/",
    "books/",
    "books/create/",
    "books/catalogue/",
    "books/api/",
    "books/inventory/",
    "pins/with/place/Tunis/",
    "messages/",
    "report/",
)
BOOK = {"author": "1", "publisher": "1", "published": "2012-09-05", "pages": "80", "stock": "1"}


def visits(side: str) -> dict[str, Visit]:
    """Every request there is to make of a side, by path; forms also under POST."""
    pages: dict[str, Visit] = {page: ("get", f"/{side}/{page}", None) for page in PAGES}
    book = BOOK | {"title": f"The {side} lane"}
    return pages | {
        "POST books/create/": ("post", f"/{side}/books/create/", book),
        "POST messages/received/": ("post", f"/{side}/messages/received/", {}),
    }


def look(client: Client, asked: Visit) -> list[dict[str, Any]]:
    """The findings, each with what came of trying it out."""
    verb, url, form = asked
    with count_queries() as queries:
        response = getattr(client, verb)(url, form)
    assert response.status_code in (200, 302), (url, response.status_code)
    proven = prove_url(url, "jacob", queries.findings)
    return [each.as_dict() | {"queries": queries.total} for each in proven]


def main() -> None:
    call_command("migrate", verbosity=0)
    call_command("seed", scale=SCALE, verbosity=0)
    setup_test_environment()
    jacob = Client()
    jacob.force_login(User.objects.get(username="jacob"))
    found = {
        side: {path: look(jacob, asked) for path, asked in visits(side).items()}
        for side in ("slow", "fixed")
    }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
