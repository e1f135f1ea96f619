"""``manage.py unhurried <verb>``: one command whose verbs are the rooms."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from unhurried.cache import CacheError
from unhurried.cache.reading import Step, Warmed, check_edge, shipped, warm
from unhurried.dashboard import _queries_diff, _queries_text, _top, _why_text
from unhurried.db import CopyError, DbError
from unhurried.diagnose import Report, _text
from unhurried.later import LaterError
from unhurried.later.reading import drain, figures_of_lanes
from unhurried.management import (
    _copy,
    _dba,
    _diagnose,
    _drain,
    _edge,
    _output,
    _sqlcheck,
    _warm,
)
from unhurried.management._arguments import positive, seconds
from unhurried.measure import StoreError

NOTHING_VERIFIED = "Nothing is verified yet: manage.py unhurried diagnose --url /…/ tries it."


class Command(BaseCommand):
    help = "Measures, and what follows from it; see the verbs."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="verb")
        _add_top(verbs)
        _add_queries(verbs)
        _diagnose.add(verbs)
        _add_why(verbs)
        _warm.add(verbs)
        _drain.add(verbs)
        _copy.add(verbs)
        _sqlcheck.add(verbs)
        _dba.add(verbs)
        _edge.add(verbs)

    def run_from_argv(self, argv: list[str]) -> None:
        _output.spell(self.stdout, errors="replace")  # a terminal may know fewer letters
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            with _output.apart(**options):
                getattr(self, options["verb"])(**options)
        except StoreError as error:
            raise CommandError(f"{error}\n{error.hint}") from error
        except BrokenPipeError:  # whoever reads has seen enough; Python would say so at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())

    def top(
        self, *, interval: float, once: bool, json: bool, no_color: bool, **options: Any
    ) -> None:
        """A live table of routes, read from shared memory."""
        if json:
            return self._print_json(_top.document(interval))
        has_keys = sys.stdin is not None and sys.stdin.isatty()
        colour = self.stdout.isatty() and not no_color and not os.environ.get("NO_COLOR")
        if once or not (has_keys and self.stdout.isatty()):
            return _top.print_once(self.stdout, interval, colour=colour)  # type: ignore[arg-type]
        try:
            _top.live(interval, colour=colour)
        except KeyboardInterrupt:
            pass  # Ctrl-C is how people leave

    def queries(
        self, *, json: bool, diff: bool, limit: int, route: str | None, **options: Any
    ) -> None:
        """Statements by total time and lines that repeat theirs, as production saw them."""
        if json:
            return self._print_json(_queries_text.document(limit, route))
        if diff:
            return self._print_diff(route)
        _queries_text.print_all(self.stdout, limit, route)  # type: ignore[arg-type]

    def _print_diff(self, route: str | None) -> None:
        """The diff on stdout, for ``git apply``; what is not in it on stderr."""
        text, notes = _queries_diff.diff(route)
        self._write_diff(text)
        for note in notes if text else [NOTHING_VERIFIED]:
            self.stderr.write(note)

    def diagnose(self, *, json: bool, diff: bool, limit: int, **options: Any) -> None:
        """What makes the site slow; of one page: its time, what to change, the proof."""
        found = _diagnose.found(diff=diff, **options)
        if json:
            return self._print_json(found.as_dict())
        if diff and isinstance(found, Report):
            return self._write_diff(found.diff)
        colour = self._colour(**options)
        for line in _diagnose.lines(found, _width(), limit=limit, colour=colour):
            self.stdout.write(line)

    def _write_diff(self, text: str) -> None:
        """In the encoding of sources, whatever the terminal's is."""
        _output.spell(self.stdout, encoding="utf-8")
        self.stdout.write(text, ending="")

    def _colour(self, *, no_color: bool = False, **options: Any) -> bool:
        return _text.wants_colour(is_terminal=self.stdout.isatty(), refused=no_color)

    def why(self, *, what: str | None, json: bool, **options: Any) -> None:
        """What is kept, what it hangs on, and why it was not kept."""
        try:
            if json:
                return self._print_json(_why_text.document(what))
            for line in _why_text.lines(what):
                self.stdout.write(line)
        except CacheError as error:
            raise CommandError(str(error)) from error

    def warm(
        self, *, targets: list[str], languages: bool, base: str | None, json: bool, **options: Any
    ) -> None:
        """Make pages and values now that somebody will ask for."""
        spoken = [code for code, _ in settings.LANGUAGES] if languages else []
        done: list[Warmed] = []
        for each in warm(targets, spoken, base or ""):
            done.append(each)
            if not json:
                self.stdout.write(_warm.line(each))
        if json:
            self._print_json({"warmed": [each.as_dict() for each in done]})
        elif not done:
            self.stdout.write(_warm.NOTHING)
        if any(each.state == "failed" for each in done):
            raise SystemExit(1)

    def drain(self, *, once: bool, lane: str | None, json: bool, **options: Any) -> None:
        """Work off what is to be done later, until told to end."""
        with _drain.until_told():
            try:
                done = drain(once=once, only=lane)
            except LaterError as error:
                raise CommandError(str(error)) from error
        if json:
            return self._print_json(asdict(done))
        self.stdout.write(f"{done.tasks} tasks run, {done.writes} deferred writes applied.")
        if done.pages:
            self.stdout.write(f"{done.pages} pages made that somebody waits for.")
        if done.dead:
            self.stdout.write(f"{done.dead} could not be done: the dashboard says why.")
        for each in figures_of_lanes().values():
            if each.advice:
                self.stdout.write(f"{each.lane}: {each.advice}")

    def copy(self, *, json: bool, **options: Any) -> None:
        """Load a CSV into a model's table."""
        try:
            done = _copy.load(None if json else self.stderr, **options)
        except CopyError as error:
            raise CommandError(f"{error.message} {_copy.COLLECT}") from error
        except DbError as error:
            raise CommandError(str(error)) from error
        if json:
            return self._print_json(_copy.document(done))
        self.stdout.write(f"{done.count} rows in {done.seconds:.1f} s, by {done.road}.")
        for each in done.errors:
            self.stdout.write(each.message)
        return None

    def sqlcheck(self, *, models: Any, using: str | None, json: bool, **options: Any) -> None:
        """Ask the database of each statement of a .sql file, and run none."""
        try:
            done = list(_sqlcheck.checked(models, using))
        except DbError as error:
            raise CommandError(str(error)) from error
        if json:
            self._print_json({"statements": [each.as_dict() for each in done]})
        else:
            for line in [line for each in done for line in _sqlcheck.lines(each)] or [
                _sqlcheck.NOTHING
            ]:
                self.stdout.write(line)
        if any(each.state == "wrong" for each in done):
            raise SystemExit(1)

    def dba(self, *, json: bool, **options: Any) -> None:
        """Ask PostgreSQL what a DBA would ask."""
        try:
            report = _dba.report(**options)
        except DbError as error:
            raise CommandError(str(error)) from error
        if json:
            return self._print_json(report.as_dict())
        for line in _dba.Letter(report, _width(), colour=self._colour(**options)).lines():
            self.stdout.write(line)
        return None

    def edge(self, *, what: str, url: str | None, json: bool, **options: Any) -> None:
        """Print what is shipped for an edge, or look whether one is wired right."""
        if what != "check":
            text = shipped(what)
            return self._print_json({what: text}) if json else self.stdout.write(text, ending="")
        if not url:
            raise CommandError("Which page, as visitors see it? edge check https://example.com/")
        done: list[Step] = []
        for step in check_edge(_edge.page(url)):
            done.append(step)
            if not json:
                self.stdout.write("\n".join(_edge.lines(len(done), step)))
        if json:
            self._print_json({"url": url, "steps": [each.as_dict() for each in done]})
        if any(each.state == "not" for each in done):
            raise SystemExit(1)

    def _print_json(self, document: dict[str, Any]) -> None:
        """Exactly one document, and nothing else on stdout."""
        self.stdout.write(_output.document(document))


def _width() -> int:
    return shutil.get_terminal_size((100, 24)).columns


def _add_top(verbs: Any) -> None:
    top = verbs.add_parser("top", help="live table of routes, read from shared memory")
    top.add_argument("--once", action="store_true", help="print one table and end")
    top.add_argument("--json", action="store_true", help="print one JSON document and end")
    top.add_argument(
        "--interval", type=seconds, default=1.0, help="seconds between two readings (default: 1)"
    )


def _add_why(verbs: Any) -> None:
    verb = verbs.add_parser("why", help="what is kept, what it hangs on, why it was not kept")
    verb.add_argument(
        *("what",),
        nargs="?",
        metavar="URL|KEY|NAME",
        help="a page's URL, a value's key as in username:jacob, or a name (default: all)",
    )
    verb.add_argument("--json", action="store_true", help="print one JSON document and end")


def _add_queries(verbs: Any) -> None:
    queries = verbs.add_parser("queries", help="statements by time, and lines that repeat theirs")
    kinds = queries.add_mutually_exclusive_group()
    kinds.add_argument("--json", action="store_true", help="print one JSON document and end")
    kinds.add_argument("--diff", action="store_true", help="print what was verified, for git apply")
    queries.add_argument(
        "--limit", type=positive, default=20, help="statements shown (default: 20)"
    )
    queries.add_argument("--route", help="only those of this route or other unit of work")
