"""Make ``docs/the-talk.md`` of ``talk.toml`` and of what the tests said.

    python docs/generate_talk.py [--check] [REPORT.xml …]      default: .reports/*.xml

Reports are pytest's ``--junitxml``. A test that no report names (its servers were not there) keeps
what ``talk.passed`` says of it, which is written anew beside the page; commit both. ``--check``
writes nothing, and fails where there would be something to commit.
"""

from __future__ import annotations

import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

DOCS: Final = Path(__file__).resolve().parent
PAGE, PASSED = DOCS / "the-talk.md", DOCS / "talk.passed"
WORKING, PARTLY, OPEN = "working", "partly", "open"

HEAD: Final = """\
<!-- made by docs/generate_talk.py of talk.toml and the tests' reports; do not edit -->
# The talk, row by row

unhurried follows Jacob Kaplan-Moss, "Django Doesn't Scale! (and what you can do about it)",
DjangoCon 2012. Here is every slide that asks something of a system, and what there is of it.
*Working* means that the tests named passed, on real components; *open* that nobody has built it
yet.

**{counts}**
"""


def rows() -> list[dict[str, Any]]:
    """The rows of ``talk.toml``; ``part`` is a list, empty where nothing has been built."""
    found: list[dict[str, Any]] = tomllib.loads((DOCS / "talk.toml").read_text())["row"]
    return [{"part": [], **row} for row in found]


def tests(found: Iterable[dict[str, Any]]) -> list[str]:
    """The id of every test that a row names, as pytest takes it."""
    return [test for row in found for part in row["part"] for test in part["tests"]]


def reported(reports: Iterable[Path]) -> dict[str, bool]:
    """{test id without parameters: whether all its cases passed}."""
    results: dict[str, bool] = {}
    for report in reports:
        for case in ET.parse(report).iter("testcase"):
            path = case.get("classname", "").replace(".", "/")
            test = f"{path}.py::{case.get('name', '').partition('[')[0]}"
            passed = not any(case.find(tag) is not None for tag in ("failure", "error", "skipped"))
            results[test] = results.get(test, True) and passed
    return results


def committed() -> set[str]:
    """The tests that had passed when the page was last made."""
    return set(PASSED.read_text().split("\n")) if PASSED.exists() else set()


def status(part: dict[str, Any], passed: set[str]) -> str:
    return WORKING if part["tests"] and passed.issuperset(part["tests"]) else OPEN


def of_row(row: dict[str, Any], passed: set[str]) -> str:
    found = {status(part, passed) for part in row["part"]} or {OPEN}
    return found.pop() if len(found) == 1 else PARTLY


def page(found: list[dict[str, Any]], passed: set[str]) -> str:
    """The whole page."""
    states = [of_row(row, passed) for row in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in (WORKING, PARTLY, OPEN))
    sections = [_section(row, state, passed) for row, state in zip(found, states, strict=True)]
    return "\n".join([HEAD.format(counts=counts), *sections])


def _section(row: dict[str, Any], state: str, passed: set[str]) -> str:
    many = "-" in row["slides"] or "," in row["slides"]
    title = f"## Slide{'s' if many else ''} {row['slides']}: {state}"
    text = f"{title}\n\n{row['says']}\n\n*It works when:* {row['works']}\n"
    if not row["part"]:
        return text
    lines = [_line(part, status(part, passed)) for part in row["part"]]
    return "\n".join([text, "| part | status | code | tests |", "|---|---|---|---|", *lines, ""])


def _line(part: dict[str, Any], state: str) -> str:
    code = "<br>".join(f"`{path}`" for path in part["code"])
    named = "<br>".join(f"`{test}`" for test in part["tests"])
    return f"| {part['what']} | {state} | {code} | {named} |"


def main() -> int:
    given = [Path(argument) for argument in sys.argv[1:] if argument != "--check"]
    reports = given or sorted(DOCS.parent.glob(".reports/*.xml"))
    found, results, before = rows(), reported(reports), committed()
    passed = {test for test in tests(found) if results.get(test, test in before)}
    made = {PAGE: page(found, passed), PASSED: "".join(f"{test}\n" for test in sorted(passed))}
    stale = [path.name for path, text in made.items() if path.read_text() != text]
    seen = sum(test in results for test in tests(found))
    print(
        f"{len(passed)} tests passed; {seen} by {len(reports)} reports; new: {stale or 'nothing'}"
    )
    if "--check" in sys.argv:
        return bool(stale)
    for path, text in made.items():
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
