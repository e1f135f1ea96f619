"""The story of the site: visited as it was written, then fixed, then kept; what was said of it."""

import io
import time
from dataclasses import dataclass
from itertools import count

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connections
from django.db.models import Max

from backstage.people import session_cookie
from backstage.server import Server
from backstage.table import Route, duration, table
from backstage.terminal import BOLD, DIM, Terminal
from backstage.traffic import Site, Traffic, openings
from books.models import Book
from pins.models import Pin, Tag
from unhurried.measure import snapshot

VISITORS = 4
ON_THE_FEED = 100  # pins
KNOWN = 100  # users whose pages are looked at
KEPT = "fast"  # the side that is counted once its pages are kept
WARMING = 0.3  # of the time that is counted, before it
FINDINGS = 3
ACTS = (
    ("slow", "as people write it"),
    ("fixed", "its queries put right"),
    ("fast", "pages kept, writes later"),
)


@dataclass
class Act:
    """A line of the table: one side of the site, and what its visitors saw.

    ``opened`` pages took ``opening`` seconds before anything was counted; then routes stood as in
    ``before``.
    """

    side: str
    how: str
    opened: int = 0
    opening: float = 0.0
    before: dict[str, Route] | None = None
    rate: float = 0.0
    p50: float = 0.0
    p95: float = 0.0

    def cells(self, first: "Act") -> list[str]:
        faster = f"{self.rate / first.rate:.0f}x" if first.rate and self is not first else ""
        return [
            f"/{self.side}/",
            self.how,
            f"{self.rate:.0f}" if self.rate >= 9.95 else f"{self.rate:.1f}",
            duration(self.p50),
            duration(self.p95),
            faster,
        ]


HEAD = ["", "", "requests/s", "p50", "p95", ""]


def tell(screen: Terminal, server: Server, seconds: float) -> None:
    """The same visits to each side; then what is to be learned from it."""
    screen.say(
        f"\n{VISITORS} visitors, who ask as fast as they are answered, "
        f"for {seconds:g} s on each side:\n"
    )
    acts: list[Act] = []
    said = ""
    for side, how in ACTS:
        acts.append(Act(side, how))
        _play(screen, server, acts, seconds)
        if side == ACTS[0][0]:
            said = _said("--limit", str(FINDINGS))
    screen.settle()
    screen.say(f"\n{_opened(acts[-1])}")
    _routes(screen, seconds * (1 + WARMING), acts[-1].before or {})
    screen.say("\nWhat manage.py unhurried diagnose said of /slow/:\n", BOLD)
    screen.say(said.rstrip())
    screen.say("\nAnd of one page, manage.py unhurried diagnose --url /slow/feed/:\n", BOLD)
    screen.say(_said("--url", "/slow/feed/", "--yes").rstrip())
    ratio = acts[-1].rate / max(acts[0].rate, 1e-9)
    screen.say(
        f"\n/slow/ → /fast/: {acts[0].rate:.1f} → {acts[-1].rate:.0f} requests a second, "
        f"{ratio:.0f} times as many.",
        BOLD,
    )


def _play(screen: Terminal, server: Server, acts: list[Act], seconds: float) -> None:
    """Visit one side, its line growing with it."""
    act, site = acts[-1], _site()
    opened = list(openings(act.side, site)) if act.side == KEPT else []
    traffic = Traffic(
        *(server.port, act.side, site, _cookies(), seconds),
        warming=seconds * WARMING,
        opened=opened,
    )
    connections.close_all()
    traffic.start()
    while not traffic.over:
        time.sleep(0.5)
        server.require()
        if act.before is None and traffic.is_open:
            act.before = snapshot(statements=False)["routes"]
        if screen.live:
            _measure(act, traffic)
            screen.redraw(lines(acts))
    traffic.stop()
    _measure(act, traffic)
    if screen.live:
        screen.redraw(lines(acts))
    else:
        for line in lines(acts)[0 if len(acts) == 1 else -1 :]:
            screen.say(line)
    if traffic.unanswered:
        screen.settle()
        screen.say(f"{traffic.unanswered} requests got no answer; the reason is in {server.log}")


def _measure(act: Act, traffic: Traffic) -> None:
    act.rate, act.p50, act.p95 = traffic.rate, traffic.quantile(0.5), traffic.quantile(0.95)
    act.opened, act.opening = len(traffic.opened), traffic.opening


def _opened(act: Act) -> str:
    took = f"each of its {act.opened} addresses has been opened, which took"
    why = "it makes a page again when what it shows has changed, and not before."
    return f"/{act.side}/ is counted once {took}\n{act.opening:.1f} s: {why}"


def lines(acts: list[Act]) -> list[str]:
    """A head, and a line for each act so far."""
    widths = (7, 24, 10, 8, 8, 5)
    rows = [HEAD, *(act.cells(acts[0]) for act in acts)]
    return [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _said(*arguments: str) -> str:
    """What a verb of the command prints."""
    out = io.StringIO()
    call_command("unhurried", "diagnose", *arguments, stdout=out)
    connections.close_all()
    return out.getvalue()


def _routes(screen: Terminal, seconds: float, before: dict[str, Route]) -> None:
    head, *rows = table(_since(before, snapshot()["routes"]), seconds, screen.width)
    screen.say()
    screen.say(head, BOLD)
    for row in rows:
        screen.say(row, "" if "1.0x" not in row else DIM)


def _since(before: dict[str, Route], routes: dict[str, Route]) -> dict[str, Route]:
    """Routes of the kept side without what was there when its addresses had been opened."""
    opened = {name: before[name] for name in before if name.startswith(f"{KEPT}/")}
    return routes | {name: _less(routes[name], opened[name]) for name in opened}


def _less(route: Route, opened: Route) -> Route:
    wall = route["wall"] | {"sum": route["wall"]["sum"] - opened["wall"]["sum"]}
    return route | {"requests": route["requests"] - opened["requests"], "wall": wall}


def _site() -> Site:
    users = User.objects.filter(is_staff=False).order_by("pk")
    newest = Pin.objects.order_by("-created")
    return Site(
        pins=list(newest.values_list("pk", flat=True)[:ON_THE_FEED]),
        usernames=list(users.values_list("username", flat=True)[:KNOWN]),
        tags=list(Tag.objects.values_list("slug", flat=True)),
        titles=(f"Scaling, volume {number}" for number in count(_newest_book() + 1)),
    )


def _newest_book() -> int:
    return Book.objects.aggregate(newest=Max("pk", default=0))["newest"]


def _cookies() -> list[str]:
    return [session_cookie(user) for user in User.objects.order_by("pk")[:VISITORS]]
