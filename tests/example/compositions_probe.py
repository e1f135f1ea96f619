"""Run in a process of its own: the feed under /fast/, greeted in each composition; prints JSON."""

import json
import sys

import django
from django.core.management import call_command

django.setup()

from django.contrib.auth.models import User  # noqa: E402
from django.test import Client  # noqa: E402
from django.test.utils import setup_test_environment  # noqa: E402
from django.urls import resolve  # noqa: E402

from pinstafacegramiqus import layout  # noqa: E402

WAYS = ("auto", "phased", "esi", "ssi", "client", "inline")

setup_test_environment()
call_command("migrate", verbosity=0)
call_command("seed", scale=0.01, verbosity=0)
clients = {"": Client()}
for user in User.objects.order_by("pk")[:2]:
    clients[user.username] = Client()
    clients[user.username].force_login(user)

seen = {}
for way in WAYS:
    layout.COMPOSITION = way
    resolve("/fast/feed/").func.invalidate()
    seen[way] = []
    for name in (*clients, *clients):
        answer = clients[name].get("/fast/feed/")
        status = answer["Cache-Status"].split("; ")[1]
        seen[way].append([name, status, answer.content.decode()])
sys.stdout.write(json.dumps(seen))
