"""A site with ``django.contrib.postgres``: it asks over the page's connection when any opens."""

from __future__ import annotations

import json
import os
import sys

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="contrib",
    USE_TZ=True,
    DATABASES={"default": json.loads(os.environ["CONTRIB_DATABASE"])},
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=[
        "django.contrib.contenttypes",
        "django.contrib.postgres",
        "unhurried",
        "unhurried.later",
        "tests.books",
    ],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    UNHURRIED={"STORE": os.environ["CONTRIB_STORE"]},
)
django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection  # noqa: E402

from tests.books.models import Author  # noqa: E402
from unhurried.cache import cached  # noqa: E402
from unhurried.later import later  # noqa: E402
from unhurried.later.reading import drain  # noqa: E402


@cached(60)
def names() -> list[str]:
    return sorted(Author.objects.values_list("name", flat=True))


def main() -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS hstore")
    call_command("migrate", run_syncdb=True, verbosity=0)
    connection.close()  # the next one asks for hstore's types
    Author.objects.create(name="Jacob")
    seen = [names(), names()]
    connection.close()
    later(Author.objects.all()).update(name="Adrian")
    drain(once=True)
    seen.append(names())
    states = [names.peek().state]
    sys.stdout.write(json.dumps([seen, states]))


if __name__ == "__main__":
    main()
