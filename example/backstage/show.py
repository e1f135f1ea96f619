"""The demo itself: fill the database, serve the site, visit it, show what was measured."""

import shlex
import sys
import time
from pathlib import Path

from django.core.management import CommandError, call_command
from django.db import DatabaseError, connections
from django.urls import reverse

from backstage.errors import DemoError
from backstage.people import make_staff
from backstage.server import Server
from backstage.setup import EXAMPLE, Wishes
from backstage.story import tell
from backstage.terminal import ACCENT, BOLD, DIM, Terminal
from pins.models import Pin
from pinstafacegramiqus.login_links import login_token
from pinstafacegramiqus.rows import Sizes
from pinstafacegramiqus.views import DASHBOARD


def show(screen: Terminal, folder: Path, wishes: Wishes) -> None:
    """From an empty folder to the end of the story and, unless only once, until Ctrl-C."""
    screen.say("pinstafacegramiqus", BOLD)
    screen.say(f"Data in {folder}", DIM)
    fill_database(screen, folder)
    with Server(wishes.port, folder / "gunicorn.log") as server:
        tell(screen, server, wishes.seconds)
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
