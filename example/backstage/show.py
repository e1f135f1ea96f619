"""The demo itself: fill the database, serve the site, visit it, show what was measured."""

import shlex
import sys
import time
from itertools import count
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.db.models import Max
from django.urls import reverse

from backstage.errors import DemoError
from backstage.people import make_staff, session_cookie
from backstage.server import Server
from backstage.setup import EXAMPLE, Wishes
from backstage.table import table
from backstage.terminal import ACCENT, BOLD, DIM, Terminal
from backstage.traffic import Site, Traffic
from books.models import Book
from pins.models import Pin, Tag
from pinstafacegramiqus.login_links import login_token
from pinstafacegramiqus.rows import Sizes
from pinstafacegramiqus.views import DASHBOARD
from unhurried.measure import snapshot

VISITORS = 4


def show(screen: Terminal, folder: Path, wishes: Wishes) -> None:
    """From an empty folder to the table of routes and, unless only once, until Ctrl-C."""
    screen.say("pinstafacegramiqus", BOLD)
    screen.say(f"Data in {folder}", DIM)
    fill_database(screen, folder)
    with Server(wishes.port, folder / "gunicorn.log") as server:
        show_traffic(screen, server, wishes.seconds)
        show_addresses(screen, server.port, folder)
        if not wishes.once:
            serve(screen, server)


def fill_database(screen: Terminal, folder: Path) -> None:
    """Migrate; seed, unless all rows are there from an earlier run."""
    try:
        call_command("migrate", interactive=False, verbosity=0)
        if _is_seeded():
            screen.say("The rows are there from an earlier run.", DIM)
        else:
            call_command("seed")
    except (CommandError, DatabaseError) as error:
        raise DemoError(
            f"{error} Start the demo again; if it stays so, delete {folder} first."
        ) from error


def _is_seeded() -> bool:
    # Seeding is one transaction and nothing else makes pins: there are all of them, or none.
    return Pin.objects.count() == Sizes().pins


def show_traffic(screen: Terminal, server: Server, seconds: float) -> None:
    """Visit every page, and show what was measured: live on a terminal, else at the end."""
    screen.say(
        f"\n{VISITORS} visitors for {seconds:g} s on every page under /slow/, /fixed/ and /fast/:\n"
    )
    traffic = Traffic(server.port, _site(), _cookies(), seconds)
    connections.close_all()
    traffic.start()
    while not traffic.over:
        time.sleep(min(1, max(seconds - traffic.elapsed, 0)))
        server.require()
        if screen.live:
            screen.redraw(_lines(screen, traffic.elapsed))
    traffic.stop()
    screen.redraw(_lines(screen, traffic.elapsed))
    if traffic.unanswered:
        screen.say(f"{traffic.unanswered} requests got no answer; the reason is in {server.log}")


def _site() -> Site:
    users = User.objects.filter(is_staff=False).order_by("pk")
    return Site(
        pins=Sizes().pins,
        usernames=list(users.values_list("username", flat=True)[:100]),
        tags=list(Tag.objects.values_list("slug", flat=True)),
        titles=(f"Scaling, volume {number}" for number in count(_newest_book() + 1)),
    )


def _newest_book() -> int:
    return Book.objects.aggregate(newest=Max("pk", default=0))["newest"]


def _cookies() -> list[str]:
    return [session_cookie(user) for user in User.objects.order_by("pk")[:VISITORS]]


def _lines(screen: Terminal, seconds: float) -> list[str]:
    head, *rows = table(snapshot()["routes"], seconds, screen.width)
    return [screen.paint(head, BOLD), *rows]


def show_addresses(screen: Terminal, port: int, folder: Path) -> None:
    """Where to look now, and how to get in."""
    user, password = make_staff()
    link = reverse("login_by_link", args=[login_token(user)])
    connections.close_all()
    site = f"http://127.0.0.1:{port}"
    screen.say()
    screen.say("Dashboard", BOLD)
    screen.say(f"{site}{DASHBOARD}", ACCENT)
    screen.say(f"\nLog in: user {user.username}, password {password}, or by this link, once:")
    screen.say(f"{site}{link}", ACCENT)
    screen.say("\nThe same in a terminal, without asking the server:")
    screen.say(_top_command(folder), ACCENT)


def _top_command(folder: Path) -> str:
    command = [sys.executable, str(EXAMPLE / "manage.py"), "unhurried", "top"]
    return f"PINSTA_DATA={shlex.quote(str(folder))} {shlex.join(command)}"


def serve(screen: Terminal, server: Server) -> None:
    """Until Ctrl-C, or until gunicorn ends."""
    screen.say()
    screen.say("Serving until Ctrl-C.", DIM)
    try:
        while True:
            server.require()
            time.sleep(0.5)
    except KeyboardInterrupt:
        screen.say("\nStopped.")
