"""``python -m planted.prepare SCALE VISITS``: tables, rows, people; prints what visitors need."""

import json
import sys

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test.utils import override_settings  # noqa: E402

from backstage.people import session_cookie  # noqa: E402
from books.models import Author, Book, Publisher  # noqa: E402
from inbox.models import Message  # noqa: E402
from pins.models import Pin, Tag  # noqa: E402
from planted.models import TABLE  # noqa: E402
from planted.settings import SIGNED  # noqa: E402
from unhurried.templatetags.unhurried import register  # noqa: E402

PEOPLE = 6
MANY = 16  # of each kind are visited: as everywhere, few things are asked for most
ENGINES = {"signed": SIGNED, "db": "django.contrib.sessions.backends.db"}


def main(scale: float, visits: int) -> None:
    call_command("migrate", verbosity=0)
    call_command("seed", scale=scale, verbosity=0)
    with connection.cursor() as cursor:
        cursor.execute(TABLE % visits)
        cursor.execute("ANALYZE")
    sys.stdout.write(json.dumps(found()))


def found() -> dict[str, object]:
    people = list(User.objects.order_by("pk")[:PEOPLE])
    cookies = {}
    for name, engine in ENGINES.items():
        with override_settings(SESSION_ENGINE=engine):
            cookies[name] = [session_cookie(user) for user in people]
    counted = {model.__name__: model.objects.count() for model in (Pin, Book, Author, Publisher)}
    return {
        "cookies": cookies,
        "vitals": "vitals" in register.tags,
        "pins": MANY,
        "usernames": list(User.objects.order_by("pk").values_list("username", flat=True)[:MANY]),
        "tags": list(Tag.objects.values_list("slug", flat=True)[: MANY // 2]),
        "rows": counted | {"Message": Message.objects.count()},
    }


if __name__ == "__main__":
    main(float(sys.argv[1]), int(sys.argv[2]))
