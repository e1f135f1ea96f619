"""``manage.py unhurried dba``: the ten questions, answered as by a friendly DBA."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import wrap
from typing import Any, Final

from unhurried.dashboard._queries import brief
from unhurried.db.reading import BAD, FINE, LOOK, QUESTIONS, UNKNOWN, Answer, Item, Report, ask_dba

LEAST, MOST = 40, 100  # columns
HEADINGS: Final = {
    BAD: "To be done now",
    LOOK: "Worth a look",
    UNKNOWN: "Not answered",
    FINE: "Nothing to do",
}
RED, GREEN, BOLD = "31", "32", "1"
COLOURS: Final = {BAD: RED, FINE: GREEN}


def add(verbs: Any) -> None:
    verb = verbs.add_parser("dba", help="ten questions to PostgreSQL, answered in Django's terms")
    verb.add_argument("--using", default="default", help="alias of the database (default: default)")
    verb.add_argument(
        "--only",
        action="append",
        default=[],
        choices=list(QUESTIONS),
        metavar="NAME",
        help=f"one question, or several: {', '.join(QUESTIONS)}",
    )
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def report(*, using: str, only: list[str], **options: Any) -> Report:
    """Raises DbError."""
    return ask_dba(using, only)


class Letter:
    """A report as lines of text."""

    def __init__(self, report: Report, width: int, *, colour: bool) -> None:
        self.report, self.colour = report, colour
        self.width = min(max(width, LEAST), MOST)

    def lines(self) -> Iterator[str]:
        yield from self._wrapped(_head(self.report))
        state = None
        for answer in self.report.answers:
            if answer.state != state:
                state = answer.state
                yield from ("", self._painted(HEADINGS[state], COLOURS.get(state, BOLD)))
            yield from self._answer(answer)

    def _answer(self, answer: Answer) -> Iterator[str]:
        fine = answer.state == FINE
        if not fine:
            yield ""
        said = self._wrapped(f"{answer.title}: {answer.number}", "  ", "    ")
        yield from said if fine else (self._painted(line, BOLD) for line in said)
        yield from self._wrapped(answer.reason, "    ", "    ")
        for fact in answer.facts:
            yield from self._wrapped(fact, "      ", "        ")
        for line in () if fine else answer.remedy:
            yield from self._changed(line, "    ")
        for number, item in enumerate(answer.items, 1):
            yield from self._item(number, item)

    def _item(self, number: int, item: Item) -> Iterator[str]:
        """What it is, how much, where; then the lines to write."""
        yield from self._wrapped(brief(item.what), f"  {number:>2}  ", "        ", most=3)
        yield from self._wrapped(item.number, "        ", "        ")
        for note in item.notes:
            yield from self._wrapped(brief(note), "        ", "          ", most=2)
        for line in item.remedy:
            yield from self._changed(line, "      ")

    def _changed(self, text: str, indent: str) -> Iterator[str]:
        lines = self._wrapped(text, f"{indent}+ ", f"{indent}    ")
        yield from (self._painted(line, GREEN) for line in lines)

    def _wrapped(self, text: str, first: str = "", then: str = "", most: int = 0) -> list[str]:
        text = "".join(c if c.isprintable() else "?" for c in text)
        lines = wrap(
            *(text, self.width),
            initial_indent=first,
            subsequent_indent=then,
            break_on_hyphens=False,
        )
        return (
            [*lines[: most - 1], f"{lines[most - 1][: self.width - 2]} …"]
            if (most and len(lines) > most)
            else lines
        )

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colour and text else text


def _head(report: Report) -> str:
    worst = report.answers[0].state if report.answers else FINE
    said = {
        BAD: "something should be done now",
        LOOK: "nothing burns, some things are worth a look",
        UNKNOWN: "nothing burns, some things I may not see",
        FINE: "it is well; there is nothing to do",
    }[worst]
    about = f"{report.database} ({report.alias}), PostgreSQL {report.version}, {report.size}"
    return f"{about}, asked as {report.role}: {said}."
