"""Run in a process of its own, with the example's settings: seeds, looks, prints JSON."""

import hashlib
import json
import sys
import time
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402

from pinstafacegramiqus.login_links import login_token  # noqa: E402
from pinstafacegramiqus.rows import Sizes, tables  # noqa: E402

SCALE = 0.01
PAGES = (
    "/",
    "/slow/feed/",
    "/slow/pin/1/",
    "/slow/user/jacob/",
    "/slow/tag/coffee/",
    "/slow/books/",
    "/slow/books/create/",
    "/slow/books/import/",
    "/slow/books/catalogue/",
    "/slow/books/api/",
    "/slow/books/inventory/",
    "/slow/pins/with/place/Oslo/",
    "/slow/messages/",
    "/slow/report/",
    "/fixed/feed/",
    "/fixed/pin/1/",
    "/fixed/user/jacob/",
    "/fixed/tag/coffee/",
    "/fixed/books/",
    "/fixed/books/create/",
    "/fixed/books/import/",
    "/fixed/books/catalogue/",
    "/fixed/books/api/",
    "/fixed/books/inventory/",
    "/fixed/pins/with/place/Oslo/",
    "/fixed/messages/",
    "/fixed/report/",
    "/fast/books/import/",
    "/fast/books/catalogue/",
    "/fast/books/api/",
    "/fast/books/inventory/",
    "/fast/pins/with/place/Oslo/",
    "/login/",
    "/static/pinstafacegramiqus/site.css",
)
BOOK = {
    "title": "Slow food",
    "author": "1",
    "publisher": "1",
    "published": "2012-09-05",
    "pages": "80",
    "stock": "1",
}


def seed() -> dict[str, Any]:
    """Seed once more; how many rows there are, and a hash of all of them."""
    call_command("seed", scale=SCALE, verbosity=0)
    found, hashed = {}, hashlib.sha256()
    for model, _, _ in tables(Sizes.at(SCALE)):
        rows = list(model._default_manager.order_by("pk").values_list())
        found[model._meta.db_table] = len(rows)
        hashed.update(repr(rows).encode())
    return {"rows": found, "hash": hashed.hexdigest()}


def look(client: Client) -> dict[str, Any]:
    """Each page's status, number of queries and policy."""
    pages = {}
    for path in PAGES:
        with CaptureQueriesContext(connection) as queries:
            response = client.get(path)
        html = b"".join(response.streaming_content) if response.streaming else response.content
        pages[path] = {
            "status": response.status_code,
            "queries": len(queries),
            "policy": response.headers["Content-Security-Policy"],
            "inline": b"style=" in html or b"<style" in html or b"<script" in html,
        }
    return pages


def write(jacob: Client, user: User) -> dict[str, Any]:
    """What the two forms answer and do."""
    user.messages.update(received=False)
    first = jacob.post("/slow/books/create/", BOOK)
    second = jacob.post("/slow/books/create/", BOOK)
    jacob.post("/slow/messages/received/")
    return {
        "new": first.status_code,
        "again": "choose another" in second.content.decode(),
        "unreceived": user.messages.filter(received=False).count(),
    }


def log_in(user: User) -> list[int]:
    """A login link used twice, and a forged one."""
    links = [f"/login/{token}/" for token in (login_token(user), "forged")]
    return [Client().get(link).status_code for link in (links[0], links[0], links[1])]


def main() -> None:
    call_command("migrate", verbosity=0)
    seeds = []
    for _ in range(2):
        seeds.append(seed())
        time.sleep(0.01)
    setup_test_environment()
    user = User.objects.get(username="jacob")
    anonymous, jacob = Client(), Client()
    jacob.force_login(user)
    answers = {
        "seeds": seeds,
        "pages": look(jacob),
        "feed": look(anonymous)["/slow/feed/"]["queries"],
        "messages_anonymous": anonymous.get("/slow/messages/").status_code,
        "write": write(jacob, user),
        "log_in": log_in(user),
    }
    sys.stdout.write(json.dumps(answers))


if __name__ == "__main__":
    main()
