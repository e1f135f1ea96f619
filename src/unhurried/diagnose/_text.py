"""A report as lines of text for a terminal of any width."""

from __future__ import annotations

import os
from collections.abc import Iterator
from shlex import quote
from textwrap import wrap
from typing import Final

from unhurried.queries.reading import Finding

from ._report import Report

NOTHING: Final = "Nothing to fix."
SHOWN: Final = 12  # lines of a diff; --diff prints it all
LEAST: Final = 40  # columns
RED, GREEN, BOLD = "31", "32", "1"
PARTS: Final = ("database", "templates", "python")  # the others are the rest


class Page:
    """What is written in the width there is, and whether in colour."""

    def __init__(self, width: int, *, colour: bool) -> None:
        self.width = max(width, LEAST)
        self.colour = colour

    def paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text

    def wrapped(self, text: str, first: str = "", then: str = "") -> list[str]:
        return wrap(
            _printable(text),
            self.width,
            initial_indent=first,
            subsequent_indent=then,
            break_on_hyphens=False,
        )


def lines(report: Report, width: int, *, colour: bool) -> Iterator[str]:
    """The first screen: where the time goes, then what to change, with proof."""
    page = Page(width, colour=colour)
    yield from page.wrapped(_head(report), "", "    ")
    for number, finding in enumerate(report.findings, 1):
        yield from _finding(number, finding, report, page)
    if not report.findings:
        yield from page.wrapped(_healthy(report))
    yield from _shared(report, page)
    yield from _foot(report, page)


def _healthy(report: Report) -> str:
    """What is no finding for want of a line is none of health either."""
    queries = _plural(report.queries, "query")
    if report.unplaced < 2:
        return f"{NOTHING} {queries}, none repeated."
    said = f"{report.unplaced:,} of {queries} are one statement, asked by library code"
    return f"{said}: no line of yours to name."


def _head(report: Report) -> str:
    """``/feed/   412 ms  =  293 database (101 queries x 2.8 …) + 88 templates + …``"""
    user = f" as {report.user}" if report.user else ""
    shown = [f"{_ms(report.parts['database'])} database{_split(report)}"]
    shown += [f"{_ms(report.parts[name])} {name}" for name in PARTS[1:]]
    rest = sum(seconds for name, seconds in report.parts.items() if name not in PARTS)
    shown.append(f"{_ms(rest)} rest")
    return f"{report.url}{user}   {_ms(report.seconds)} ms  =  {' + '.join(shown)}"


def _split(report: Report) -> str:
    if not report.queries:
        return ""
    each, work = report.floor / report.queries, report.parts["database"] - report.floor
    count = _plural(report.queries, "query")
    return f" ({count} x {_ms(each)} on the wire, {_ms(work)} of work)"


def _finding(number: int, finding: Finding, report: Report, page: Page) -> Iterator[str]:
    said = page.wrapped(_said(finding, report), f"{number:>2}  ", "    ")
    yield page.paint(said[0], BOLD)
    yield from (page.paint(line, BOLD) for line in said[1:])
    yield from _change(finding, page)
    yield from _proven(finding, report, page)


def _said(finding: Finding, report: Report) -> str:
    asked = f"{finding.count} of {_plural(report.queries, 'query')}: {finding.loop}"
    made = f"; the rows come from {finding.origin}" if finding.origin else ""
    what = _what(finding)
    if finding.kind == "unused eager load":
        rows = _plural(finding.instances, "row")
        return f"{finding.origin} loads {what} ahead for {rows}, and nobody reads it"
    if finding.kind == "duplicate":
        return f"{asked} asks the same again: {what}"
    return f"{asked} asks {what} once per row{made}"


def _shared(report: Report, page: Page) -> Iterator[str]:
    """``nothing on the page is personal but feed.html:3 …``, and the remedy in two lines."""
    found = report.verdict
    if found is None:
        return
    if found.kept:
        yield from page.wrapped(found.kept, "    ", "    ")
        if not found.remedy:
            return
    first = f"{len(report.findings) + 1:>2}  " if found.remedy else "    "
    yield from (page.paint(line, BOLD) for line in page.wrapped(found.said, first, "    "))
    code = [each for each in found.remedy if each.startswith(("@", "{%"))]
    if code:
        for line in page.wrapped("  and  ".join(code), "      + ", "        "):
            yield page.paint(line, GREEN)
    for each in found.remedy:
        if each not in code:
            yield from page.wrapped(each, "      ", "      ")
    if found.renewed and found.remedy:
        yield from page.wrapped(f"renewed when {_either(found.renewed)} changes", "    ", "      ")


def _either(names: list[str]) -> str:
    """``pins_pin, pins_tag or auth_user``."""
    *most, last = names
    return f"{', '.join(most)} or {last}" if most else last


def _what(finding: Finding) -> str:
    """``Pin.author`` of ``pins.Pin.author``, else the statement's beginning."""
    if finding.relation:
        return finding.relation.partition(".")[2] or finding.relation
    text = " ".join(finding.fingerprint.split())
    return text if len(text) <= 60 else f"{text[:59]}…"


def _change(finding: Finding, page: Page) -> Iterator[str]:
    """The lines that go and come; where there are none, the remedy in words."""
    if finding.diff:
        yield from change(finding.diff, page)
    else:
        yield from page.wrapped(finding.remedy, "      ", "      ")


def change(diff: str, page: Page) -> Iterator[str]:
    """A diff's lines, as far as there is room for them."""
    changed = list(_changed(diff))
    for file, sign, text in changed[:SHOWN]:
        code = {"-": RED, "+": GREEN}.get(sign, "")
        line = f"      {sign} {text}" if sign else f"      {file}"
        yield page.paint(_cut(_printable(line), page.width), code) if code else line
    if len(changed) > SHOWN:
        yield f"      … and {len(changed) - SHOWN} lines more: --diff"


def _changed(diff: str) -> Iterator[tuple[str, str, str]]:
    """(file, sign, line): a line of its own for a file where there are several."""
    several = diff.count("\n+++ ") > 1
    body, file = [], ""
    for line in diff.splitlines():
        if line.startswith("+++ "):
            file = line[6:].rstrip("\t")
            if several:
                body.append((file, "", ""))
        elif line[:1] in ("-", "+") and not line.startswith("--- "):
            body.append((file, line[0], line[1:]))
    indents = [len(t) - len(t.lstrip()) for _, sign, t in body if sign and t.strip()]
    least = min(indents, default=0)
    yield from ((file, sign, text[least:]) for file, sign, text in body)


def _proven(finding: Finding, report: Report, page: Page) -> Iterator[str]:
    """``replayed: 101 -> 5 queries, 412 -> 121 ms, the same page        VERIFIED``"""
    if finding.verified != "yes":
        word = "not verified" if finding.verified == "no" else "untried"
        why = finding.why or "there is nothing to try out"
        yield from page.wrapped(f"{word}: {why}", "    ", "      ")
        return
    text = f"    replayed: {_figures(report, finding.queries_after, finding.seconds_after)}"
    badge = "VERIFIED"
    gap = page.width - len(text) - len(badge)
    if gap >= 2:
        yield f"{text}{' ' * gap}{page.paint(badge, GREEN)}"
    else:
        yield from page.wrapped(text.strip(), "    ", "      ")
        yield f"{' ' * (page.width - len(badge))}{page.paint(badge, GREEN)}"
    if finding.why:
        yield from page.wrapped(finding.why, "    ", "      ")


def _figures(report: Report, queries: int | None, seconds: float | None) -> str:
    time = f", {_ms(report.seconds)} -> {_ms(seconds)} ms" if seconds is not None else ""
    return f"{report.queries} -> {queries} queries{time}, the same page"


def _foot(report: Report, page: Page) -> Iterator[str]:
    proven = sum(finding.verified == "yes" for finding in report.findings)
    if report.queries_after is not None and proven > 1:
        figures = _figures(report, report.queries_after, report.seconds_after)
        yield from page.wrapped(f"all {proven} verified together: {figures}", "", "    ")
    if report.diff:
        yield from page.wrapped(f"apply: {_command(report)} | git apply", "", "    ")
    for note in report.notes:
        yield from page.wrapped(note, "", "    ")


def _command(report: Report) -> str:
    user = f" --user {quote(report.user)}" if report.user else ""
    return f"manage.py unhurried diagnose --url {quote(report.url)}{user} --diff"


def _ms(seconds: float) -> str:
    """Milliseconds with two figures at least, none of them in vain."""
    ms = seconds * 1000
    if ms >= 10:
        return f"{ms:,.0f}"
    return f"{ms:.1f}" if ms >= 1 else f"{ms:.2f}".rstrip("0").rstrip(".") or "0"


def _plural(number: int, word: str) -> str:
    if number == 1:
        return f"1 {word}"
    return f"{number:,} {'queries' if word == 'query' else word + 's'}"


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in text)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def wants_colour(*, is_terminal: bool, refused: bool) -> bool:
    return is_terminal and not refused and not os.environ.get("NO_COLOR")
