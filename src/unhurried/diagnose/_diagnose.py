"""Looking at one page: ask it, find, prove, time."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any, Final, overload
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, ImproperlyConfigured
from django.db import Error
from django.shortcuts import resolve_url

from unhurried.measure import StoreError
from unhurried.measure.reading import PARTS, below_script
from unhurried.queries.reading import (
    Finding,
    Injection,
    InRequestError,
    Page,
    ReplayError,
    applied,
    combined,
    keep_proofs,
    prove_url,
    replay,
    track_everywhere,
)

from . import _live, _shared
from ._report import DiagnoseError, Report
from ._sizes import DELAY
from ._verdict import Verdict

TIMES: Final = 3  # replays of which the median is told
LONG: Final = 2.0  # seconds of a page that is timed once
NAMES: Final = {"db": "database", "template": "templates", "view": "python"}


@overload
def diagnose(url: str, user: str | None = None) -> Report: ...


@overload
def diagnose(
    url: None = None, *, minutes: float | None = None, worth: float = DELAY
) -> Verdict: ...


def diagnose(
    url: str | None = None,
    user: str | None = None,
    *,
    minutes: float | None = None,
    worth: float = DELAY,
) -> Report | Verdict:
    """What makes the site slow; with ``url``: what makes this page slow, and what would help.

    Without a URL: the ``Verdict`` over what was measured in the last ``minutes`` (up to 60 are
    kept), or since this release began; of what costs the requests that have it ``worth`` seconds
    each or more. Nothing is asked of the site, and of PostgreSQL only who waits for whom; raises
    ``StoreError`` where the measurements can't be read.

    With one: ask it as ``user`` (a username), say where its time goes, and prove what to change.
    The page runs for real some ten times, in transactions that are rolled back, with memory for a
    cache, mail and tasks held back, and no connection to the outside. Raises ``DiagnoseError`` with
    the way out where there is no page to look at.
    """
    if url is None:
        return _live.verdict(minutes, ask=True, worth=worth)
    url = _address(url)
    track_everywhere()
    with _no_logs():
        first = _asked(url, user)  # it also fills what a process keeps for its life
        page = _asked(url, user)
        watch = _Watch(url, user, long=first.seconds > LONG)
        plain = watch.median(())
        findings = prove_url(url, user, page.queries.findings, watch.seconds)
        shared = _shared.verdict(url, user)
    report = _report(url, user, page, plain, findings)
    report.verdict = shared
    _apply_all(report, watch)
    try:
        keep_proofs(findings, report.route, report.diff)
    except (OSError, StoreError) as error:
        report.notes.append(f"what was proven is not kept for the dashboard: {error}")
    return report


class _Watch:
    """Times the page, with and without remedies."""

    def __init__(self, url: str, user: str | None, *, long: bool) -> None:
        self.url, self.user = url, user
        self.times = 1 if long else TIMES

    def pages(self, injections: tuple[Injection, ...]) -> list[Page]:
        asked = (self.url, self.user, injections)
        return sorted(
            (replay(*asked, count=False) for _ in range(self.times)), key=lambda page: page.seconds
        )

    def median(self, injections: tuple[Injection, ...]) -> Page:
        """The page whose time is the median."""
        return self.pages(injections)[self.times // 2]

    def seconds(self, injections: tuple[Injection, ...]) -> float:
        return median(page.seconds for page in self.pages(injections))


def _asked(url: str, user: str | None) -> Page:
    """The page, if it is one that can be looked at."""
    try:
        page = replay(url, user)
    except (ReplayError, InRequestError) as error:
        raise DiagnoseError(str(error)) from error
    except DisallowedHost as error:
        raise DiagnoseError(f"{error} Or ask a path alone, as in --url /feed/") from error
    except (Error, ImproperlyConfigured) as error:
        raise DiagnoseError(_of_database(error)) from error
    complaint = _complaint(url, page)
    if complaint:
        raise DiagnoseError(complaint)
    return page


def _address(url: str) -> str:
    """Without what the server has put the site below: a replay goes there by itself."""
    try:
        parts = urlsplit(url)
        found = parts.port is None or bool(parts.hostname)  # a port that is none raises
    except ValueError:
        found = False
    if not found or (not url.startswith("/") and parts.scheme not in ("http", "https")):
        raise DiagnoseError(f"{url!r} is no address of the site: --url takes a path, as in /feed/")
    path = below_script(parts.path)
    if path == parts.path:
        return url
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, parts.fragment))


def _of_database(error: Exception) -> str:
    return (
        f"The database does not answer: {_line(error)}\nLook at DATABASES, start it, "
        "or make its tables: manage.py migrate"
    )


def _complaint(url: str, page: Page) -> str:
    """Why this is no page to look at, with the way out; empty if it is one."""
    if page.error is not None and isinstance(page.error, Error):
        return f"{url} raises an error: {_of_database(page.error)}"
    if page.status >= 500 and page.needed:
        return (
            f"{url} answers {page.status} without its connection to {page.needed}, and it is this "
            "replay that refuses it: nothing goes out.\nLet the page do without, as when that is "
            "down; or look at what its visitors measure: manage.py unhurried diagnose"
        )
    if page.status >= 500:
        what = _line(page.error) if page.error is not None else "its log says why"
        return f"{url} answers {page.status}: {what}\nMend it first, then look how long it takes."
    if page.status in (301, 302, 303, 307, 308):
        return _of_redirect(url, page.location)
    if page.status in (401, 403):
        return f"{url} answers {page.status}: it wants somebody else. Ask as a user: --user NAME"
    if page.status == 404 and page.match is None:
        return f"{url} answers 404: no path of ROOT_URLCONF matches it."
    if page.status >= 400:
        return f"{url} answers {page.status}: there is no such page, or not for this request."
    return ""


def _of_redirect(url: str, location: str) -> str:
    told = f"{url} leads on to {location}"
    if urlsplit(location).path == urlsplit(resolve_url(settings.LOGIN_URL)).path:
        return f"{told}, the login. Ask as a user: --user NAME"
    return f"{told}: ask that page instead, --url {location}"


def _line(error: BaseException | None) -> str:
    text = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {text[0]}"


def _report(url: str, user: str | None, page: Page, plain: Page, findings: list[Finding]) -> Report:
    parts = dict(zip((NAMES.get(p, p) for p in PARTS), plain.record.where.values(), strict=True))
    held = sorted(set(page.held))
    return Report(
        url=url,
        user=user,
        route=page.match.route if page.match is not None else "",
        status=page.status,
        seconds=plain.seconds,
        parts=parts,
        floor=min(_floor(plain.record), parts["database"]),
        queries=page.queries.total,
        findings=findings,
        notes=[f"held back: {what}" for what in held],
        unplaced=max((each.count for each in page.queries.statements if not each.lines), default=0),
    )


def _floor(record: Any) -> float:
    """Per database, the shortest statement seen as often as there were statements."""
    least: dict[str, int] = {}
    for seen in record.statements.values():
        least[seen.alias] = min(least.get(seen.alias, seen.least), seen.least)
    spent: int = sum(least[seen.alias] * seen.count for seen in record.statements.values())
    return spent / 1e9


def _apply_all(report: Report, watch: _Watch) -> None:
    """What all verified remedies give together."""
    proven = [finding for finding in report.findings if finding.verified == "yes"]
    report.diff = combined(finding for finding in proven if finding.diff)
    if proven:
        report.queries_after, report.seconds_after = applied(
            report.url, report.user, proven, watch.seconds
        )


@contextmanager
def _no_logs() -> Iterator[None]:
    """What a page that answers 404 or raises would log each time is told once, by us."""
    logger = logging.getLogger("django.request")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
