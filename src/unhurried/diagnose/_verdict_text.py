"""A verdict as lines of text, for a terminal of any width."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ._text import BOLD, GREEN, Page, change
from ._verdict import FINE, Cause, Verdict
from ._words import count, label, ms, percent

NAMES: Final = {
    "queue": "in the queue",
    "way": "on the way to the database",
    "db": "database",
    "cache": "cache",
    "http": "other servers",
    "template": "templates",
    "view": "python",
    "browser": "browsers",
}


def lines(verdict: Verdict, width: int, *, limit: int = 5, colour: bool) -> Iterator[str]:
    page = Page(width, colour=colour)
    for line in page.wrapped(verdict.said):
        yield page.paint(line, BOLD)
    if verdict.requests:
        yield from page.wrapped(_measured(verdict), "", "    ")
    if verdict.state == FINE and verdict.slowest:
        name, mean = verdict.slowest
        yield from page.wrapped(f"the slowest is {label(name)}, with {ms(mean)} on average")
    for number, cause in enumerate(verdict.findings[:limit], 1):
        yield ""
        yield from _cause(number, cause, page)
    if len(verdict.findings) > limit:
        more = count(len(verdict.findings) - limit, "finding")
        yield ""
        yield from page.wrapped(f"and {more} more: --limit {len(verdict.findings)}")
    yield from _promises(verdict, page)
    yield from _foot(verdict, page)


def _promises(verdict: Verdict, page: Page) -> Iterator[str]:
    """``promised -38 %, had -35 % since release 51c0: …``"""
    if verdict.promises:
        yield ""
    for each in verdict.promises:
        told = (
            f"{each.title}: gone since release {verdict.release[:12]}. "
            f"Promised {change_of(-each.promised)}, had {change_of(-each.had)} "
            f"({ms(each.before)} -> {ms(each.after)})"
        )
        yield from page.wrapped(told, "", "    ")


def change_of(share: float) -> str:
    """``-38 %``, ``+4.0 %``."""
    return f"{'+' if share > 0 else '-'}{percent(abs(share))}"


def _measured(verdict: Verdict) -> str:
    """``412 ms  =  293 database + 88 templates + …``, of a request on average."""
    each = {name: part / verdict.requests for name, part in verdict.parts.items()}
    told = " + ".join(
        f"{ms(part)} {NAMES[name]}" for name, part in each.items() if part >= verdict.mean / 200
    )
    span = ms(verdict.seconds) if verdict.seconds < 120 else f"{verdict.seconds / 60:.0f} minutes"
    asked = count(verdict.requests, "request")
    return f"{asked} in {span}, {ms(verdict.mean)} each on average  =  {told}"


def _cause(number: int, cause: Cause, page: Page) -> Iterator[str]:
    head = f"{percent(cause.share)}  {cause.title}  ({cause.cause}, {cause.confidence})"
    for line in page.wrapped(head, f"{number:>2}  ", "    "):
        yield page.paint(line, BOLD)
    for told in cause.evidence:
        yield from page.wrapped(told, "      ", "        ")
    if cause.diff:
        yield from change(cause.diff, page)
    else:
        for code in cause.remedy:
            for line in page.wrapped(code, "      + ", "        "):
                yield page.paint(line, GREEN)
    if cause.advice:
        yield from page.wrapped(cause.advice, "      ", "      ")
    if cause.relief is not None and cause.mean is not None and cause.expected is not None:
        after = cause.mean * (1 - cause.relief)
        of = "each visit" if cause.route is not None else "each request"
        told = f"expected: {ms(cause.mean)} -> {ms(after)} of {of}, "
        yield from page.wrapped(f"{told}{percent(cause.expected)} of users' time", *2 * ["      "])
    if cause.verify:
        yield from page.wrapped(f"then: {cause.verify}", "      ", "      ")


def _foot(verdict: Verdict, page: Page) -> Iterator[str]:
    if verdict.notes or verdict.unseen:
        yield ""
    for note in verdict.notes:
        yield from page.wrapped(note, "", "    ")
    for each in verdict.unseen:
        yield from page.wrapped(f"not seen: {each}", "", "    ")
