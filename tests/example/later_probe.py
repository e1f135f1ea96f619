"""Run in a process of its own: what pages under /fast/ write, and when; prints JSON."""

import json
import re
import sys
from typing import Any

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import CaptureQueriesContext, setup_test_environment  # noqa: E402
from django.urls import resolve  # noqa: E402

from inbox.models import Message  # noqa: E402
from pins.fast import views  # noqa: E402
from pins.models import Views  # noqa: E402
from unhurried.later.reading import drain, paused  # noqa: E402

WRITES = ("INSERT", "UPDATE", "DELETE")
TOKEN = re.compile(r'value="\w{64}"')
VIEWS = re.compile(r"<b>(\d+)</b> views?</span>")


def visit(client: Client, url: str) -> dict[str, Any]:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
    asked = [query["sql"] for query in captured.captured_queries]
    return {
        "status": response.status_code,
        "writes": sum(sql.startswith(WRITES) for sql in asked),
        "queries": len(asked),
        "new": unreceived(),
        "page": response.content.decode(),
    }


def without_token(page: str) -> str:
    return TOKEN.sub("", page)


def unreceived() -> int:
    return Message.objects.filter(recipient__username="jacob", received=False).count()


def look(client: Client, url: str = "/fast/pin/1/") -> dict[str, Any]:
    with CaptureQueriesContext(connection) as captured:
        text = client.get(url).content.decode()
    asked = [query["sql"] for query in captured.captured_queries]
    return {
        "queries": len(asked),
        "writes": sum(sql.startswith(WRITES) for sql in asked),
        "shown": int((seen := VIEWS.search(text)) and seen[1]),
        "page": VIEWS.sub("", text),
    }


def counted() -> dict[str, Any]:
    """A pin is looked at five times, by HEAD too, and what was counted is flushed at the end."""
    number = Views.objects.get(pin=1).number
    jacob = Client()
    jacob.force_login(User.objects.get(username="jacob"))
    with paused():
        look(Client())  # it is made
        again, his = look(Client()), look(jacob)
        resolve("/fast/pin/1/").func.invalidate()
        new = look(Client())
        Client().head("/fast/pin/1/")
        Client().get("/fast/pin/0/")
        before = Views.objects.get(pin=1).number
    views.flush()
    after = Views.objects.get(pin=1).number
    kept = look(Client())
    fixed, for_him = (look(who, "/fixed/pin/1/")["page"] for who in (Client(), jacob))
    same = again["page"] == new["page"] == kept["page"] == fixed.replace("/fixed/", "/fast/")
    return {
        "shown": [seen["shown"] - number for seen in (again, his, new)],
        "queries": [again["queries"], his["queries"], kept["queries"]],
        "writes": [seen["writes"] for seen in (again, his, new, kept)],
        "stored": [before - number, after - number],
        "same": [same, his["page"] == for_him.replace("/fixed/", "/fast/")],
    }


def main() -> dict[str, Any]:
    setup_test_environment()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("seed", scale=float(sys.argv[1]), verbosity=0)
    jacob = User.objects.get(username="jacob")
    jacob.messages.update(received=False)
    Message.objects.create(sender=jacob, recipient=jacob, text="old", sent="2000-01-01T00:00Z")
    client = Client()
    client.force_login(jacob)
    count = unreceived()
    with paused():
        first = visit(client, "/fast/messages/")
        Message.objects.create(sender=jacob, recipient=jacob, text="new", sent="2030-01-01T00:00Z")
        drain(once=True)
        after = unreceived()
        second = visit(client, "/fast/messages/")  # the new one
        third = visit(client, "/fast/messages/")
        fourth = visit(client, "/fast/messages/")
        fifth = visit(client, "/fast/messages/")
        fixed_messages = client.get("/fixed/messages/").content.decode()
        other = Client()
        other.force_login(User.objects.exclude(username="jacob").earliest("pk"))
        others = visit(other, "/fast/messages/")
        Message.objects.create(sender=jacob, recipient=jacob, text="hot", sent="2031-01-01T00:00Z")
        sixth = visit(client, "/fast/messages/")
        client.post("/fast/messages/received/")
        marked = visit(client, "/fast/messages/")
    html = {"headers": {"Accept": "text/html"}}
    waits = client.get("/fast/report/", **html)
    report = client.get("/fast/report/", headers={"Accept": "*/*"})  # waits till it is there
    again = client.get("/fast/report/", **html)
    fixed = client.get("/fixed/report/").content.replace(b"/fixed/", b"/fast/")
    return {
        "views": counted(),
        "waits": waits.status_code,
        "report": [report.status_code, again.status_code, report.content == again.content],
        "months": [text.count(b"<tr") for text in (again.content, fixed)],
        "count": count,
        "first": first,
        "after": after,
        "second": second,
        "third": third,
        "fourth": fourth,
        "fifth": fifth,
        "like_fixed": without_token(fifth["page"])
        == without_token(fixed_messages).replace("/fixed/", "/fast/"),
        "others": others,
        "sixth": sixth,
        "marked": marked,
        "all": unreceived(),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
