"""``manage.py unhurried diagnose``: the verdict over live measurements, or a look at one page."""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError

from unhurried.diagnose import DiagnoseError, Report, Verdict, _text, _verdict_text, diagnose
from unhurried.diagnose.reading import WORTH

from ._arguments import positive

ASK: Final = (
    "A page is run for real, some ten times: what it writes is rolled back and what it sends held "
    "back, but it takes the database's time, and what it does by other ways (files, sockets that "
    "are open) is done. DEBUG is off, so this may be production. If that is fine: --yes"
)
OF_A_PAGE: Final = (
    "{} is of one page: name it with --url /…/. What is verified on all of them: "
    "manage.py unhurried queries --diff"
)
LONGEST: Final = 60  # minutes that are kept, one by one


def add(verbs: Any) -> None:
    verb = verbs.add_parser("diagnose", help="what makes the site slow, or one page of it")
    verb.add_argument("--url", help="look at one page, a path of the site, as in /feed/")
    verb.add_argument("--user", help="ask as this user; nothing of the login stays")
    verb.add_argument(
        "--minutes", type=_minutes, help="of the last minutes, up to 60 (default: this release)"
    )
    verb.add_argument(
        "--worth",
        type=_seconds,
        metavar="MS",
        help="tell what costs a request this many milliseconds or more (default: 40)",
    )
    verb.add_argument(
        "--limit", type=positive, default=5, help="findings of the site that are told (default: 5)"
    )
    kinds = verb.add_mutually_exclusive_group()
    kinds.add_argument("--json", action="store_true", help="print one JSON document and end")
    kinds.add_argument("--diff", action="store_true", help="print the page's diff, for git apply")
    verb.add_argument("--yes", action="store_true", help="run the page for real without DEBUG")


def found(
    *,
    url: str | None,
    user: str | None,
    minutes: float | None,
    worth: float | None,
    diff: bool,
    yes: bool,
    **_: Any,
) -> Report | Verdict:
    """What was asked for; raises CommandError with the way out."""
    if url is None:
        for name, given in (("--user", user), ("--diff", diff)):
            if given:
                raise CommandError(OF_A_PAGE.format(name))
        return diagnose(minutes=minutes, worth=WORTH if worth is None else worth)
    if minutes is not None:
        raise CommandError("--minutes are of all that was measured; a page is asked anew: no --url")
    if worth is not None:
        raise CommandError("--worth is of all that was measured; of one page all is told: no --url")
    if not yes and not settings.DEBUG:
        raise CommandError(ASK)
    try:
        return diagnose(url, user)
    except DiagnoseError as error:
        raise CommandError(str(error)) from error


def lines(found: Report | Verdict, width: int, *, limit: int, colour: bool) -> Iterator[str]:
    if isinstance(found, Verdict):
        return _verdict_text.lines(found, width, limit=limit, colour=colour)
    return _text.lines(found, width, colour=colour)


def _minutes(text: str) -> float:
    value = _number(text)
    if not 0 < value <= LONGEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of minutes up to {LONGEST}.")
    return value


def _seconds(text: str) -> float:
    """Of milliseconds."""
    value = _number(text)
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds above 0.")
    return value / 1000


def _number(text: str) -> float:
    """0 where it is none."""
    try:
        return float(text)
    except ValueError:
        return 0.0
