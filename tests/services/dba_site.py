"""The example site in a process of its own, on the PostgreSQL of ``DATABASE_URL``.

    python -m tests.services.dba_site ROUNDS

It is filled, then pg_stat_statements begins anew, and each of its pages as people write them is
asked for ROUNDS times; then ``manage.py unhurried dba --json`` is printed.
"""

from __future__ import annotations

import json
import sys
from io import StringIO

import django
from django.core.management import call_command

SCALE = 0.05
PAGES = (
    *("/slow/feed/", "/slow/pin/1/", "/slow/user/jacob/", "/slow/tag/coffee/", "/slow/books/"),
    *("/slow/books/create/", "/slow/messages/"),
)
BOOK = {"author": "1", "publisher": "1", "published": "2012-09-05", "pages": "80", "stock": "1"}


def main(rounds: int) -> None:
    django.setup()
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import setup_test_environment

    call_command("migrate", verbosity=0)
    call_command("seed", scale=SCALE, verbosity=0)
    setup_test_environment()
    client = Client()
    client.force_login(User.objects.get(username="jacob"))
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        cursor.execute("ANALYZE")
        cursor.execute("SELECT pg_stat_statements_reset()")
    for number in range(rounds):
        for page in PAGES:
            assert client.get(page).status_code == 200, page
        client.post("/slow/books/create/", BOOK | {"title": f"Book {number}"})
        client.post("/slow/messages/received/")
    client.get("/slow/report/")
    out = StringIO()
    call_command("unhurried", "dba", "--json", stdout=out)
    text = StringIO()
    call_command("unhurried", "dba", "--only", "statements", stdout=text)
    sys.stdout.write(json.dumps({"report": json.loads(out.getvalue()), "text": text.getvalue()}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
