"""Queries in loops: who finds them, and what counting and following them costs.

    .venvs/dev-3.11/bin/python benchmarks/queries.py              all of it, about 2 minutes
    .venvs/dev-3.11/bin/python benchmarks/queries.py --only peers

Peers: the labelled corpus of ``tests/queries/corpus`` (written by us: read it and judge), each tool
in a process of its own with its default settings, through its own public context manager. What it
reports of n+1s and duplicates is compared by kind and line, and, since no peer names lines of
templates, by kind and case as well; advice of other kinds is left out.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PACKAGES = {"unhurried": "unhurried", "zeal": "django-zeal", "query-doctor": "django-query-doctor"}
KINDS = {"n_plus_one": "n+1", "write_n_plus_one": "n+1", "duplicate_query": "duplicate"}

Told = list[tuple[str, str]]  # (kind, place) of each thing a tool reports of a case


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="per kind of cost")
    parser.add_argument("--only", choices=["peers", "cost"])
    parser.add_argument("--tool", choices=list(PACKAGES), help=argparse.SUPPRESS)
    options = parser.parse_args()
    sys.path.insert(0, str(ROOT))
    if options.tool:
        return child(options.tool)
    open_site("unhurried")
    try:
        report(options)
    finally:
        close_site()


def report(options: argparse.Namespace) -> None:
    import django

    print(f"Python {sys.version.split()[0]}, Django {django.__version__}")
    if options.only != "cost":
        beside_us()
    if options.only != "peers":
        import _counting

        _counting.main(options.seconds)


def open_site(app: str) -> None:
    """The settings of the tests, with one tool installed, and a database in memory."""
    import django
    from django.conf import settings

    from tests import settings as tests

    given = {name: getattr(tests, name) for name in dir(tests) if name.isupper()}
    ours = "unhurried.middleware.UnhurriedMiddleware"
    given["INSTALLED_APPS"] = [*(a for a in given["INSTALLED_APPS"] if a != "unhurried"), app]
    if app != "unhurried":
        given["MIDDLEWARE"] = [name for name in given["MIDDLEWARE"] if name != ours]
    settings.configure(**given, ZEAL_RAISE=False)
    django.setup()
    from django.db import connection
    from django.test.utils import setup_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)


def close_site() -> None:
    from django.conf import settings

    shutil.rmtree(settings.UNHURRIED["STORE"], ignore_errors=True)


def child(tool: str) -> None:
    """In a process of its own: what one tool reports of each case, as JSON."""
    open_site({"query-doctor": "query_doctor"}.get(tool, tool))
    from tests.queries.corpus.cases import load
    from tests.queries.corpus.run import filled

    try:
        with filled():
            told = {case.name: TOOLS[tool](case) for case in load().values()}
    finally:
        close_site()
    json.dump(told, sys.stdout)


def by_unhurried(case: Any) -> Told:
    from tests.queries.corpus.run import replay
    from unhurried.queries import count_queries

    with count_queries() as queries:
        replay(case)
    return sorted({(finding.kind, finding.loop) for finding in queries.findings})


def by_zeal(case: Any) -> Told:
    from zeal import zeal_context

    from tests.queries.corpus.run import replay

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with zeal_context():
            replay(case)
    ours = [warning for warning in caught if "N+1 detected" in str(warning.message)]
    return sorted({("n+1", place(warning.filename, warning.lineno)) for warning in ours})


def by_query_doctor(case: Any) -> Told:
    from query_doctor import diagnose_queries

    from tests.queries.corpus.run import replay

    with diagnose_queries() as told:
        replay(case)
    found = [one for one in told.prescriptions if one.issue_type.value in KINDS]
    return sorted({(KINDS[one.issue_type.value], site(one.callsite)) for one in found})


def site(callsite: Any) -> str:
    return place(callsite.filepath, callsite.line_number) if callsite else "nowhere"


def place(file: str, line: int) -> str:
    from tests.queries.corpus.case import label

    path = ROOT / file
    return label(path, line) if path.is_relative_to(ROOT) else f"{file}:{line}"


TOOLS: dict[str, Callable[[Any], Told]] = {
    "unhurried": by_unhurried,
    "zeal": by_zeal,
    "query-doctor": by_query_doctor,
}


def beside_us() -> None:
    from tests.queries.corpus.cases import load

    cases = load()
    told = {tool: run_child(tool) for tool in PACKAGES}
    table("all cases", cases, told)
    later = {name: case for name, case in cases.items() if name.startswith("second.")}
    table("of these, written after our detector had met the others", later, told)
    print("alarms: innocent cases of which an n+1 or a duplicate is reported")


def table(title: str, cases: dict[str, Any], told: dict[str, dict[str, Told]]) -> None:
    innocent = [name for name, case in cases.items() if not case.expect]
    print(f"\n{title}: {len(cases)}, {len(innocent)} innocent; recall / precision")
    print(f"{'':22}{'n+1, by line':>18}{'n+1, by case':>18}{'duplicates':>18}{'alarms':>8}")
    for tool, package in PACKAGES.items():
        cells = [
            figure(cases, told[tool], "n+1", by_line=True),
            figure(cases, told[tool], "n+1", by_line=False),
            figure(cases, told[tool], "duplicate", by_line=False),
        ]
        alarms = sum(bool(told[tool][name]) for name in innocent)
        row = "".join(f"{cell:>18}" for cell in cells)
        print(f"{tool + ' ' + version(package):22}{row}{alarms:>8}")


def run_child(tool: str) -> dict[str, Told]:
    command = [sys.executable, __file__, "--tool", tool]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode:
        raise SystemExit(f"{tool}:\n{done.stderr[-3000:]}")
    told = json.loads(done.stdout)
    return {name: [tuple(one) for one in found] for name, found in told.items()}


def figure(cases: dict[str, Any], told: dict[str, Told], kind: str, *, by_line: bool) -> str:
    """Recall / precision over what is labelled and what is reported of one kind."""
    wanted, reported = set(), set()
    for name, case in cases.items():
        loops = {case.place("loop", e.loop) for e in case.expect if e.kind == kind}
        lines = {line for found, line in told[name] if found == kind}
        wanted |= {(name, line if by_line else "") for line in loops}
        reported |= {(name, line if by_line else "") for line in lines}
    met = len(wanted & reported)
    return f"{met / len(wanted):.2f} / {met / len(reported):.2f}" if reported else "0.00 / none"


if __name__ == "__main__":
    main()
