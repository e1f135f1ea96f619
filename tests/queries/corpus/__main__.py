"""``python -m tests.queries.corpus``: the detector's score, in a database of its own in memory."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from typing import Any

import django
from django.conf import settings

THRESHOLDS = {"recall": 0.95, "precision": 0.99, "exact": 0.90}


def main() -> int:
    options = parse()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()
    try:
        return report(options)
    finally:
        shutil.rmtree(settings.UNHURRIED["STORE"], ignore_errors=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.queries.corpus", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="cases whose name contains this")
    parser.add_argument("--verify", action="store_true", help="replay each remedy, too")
    parser.add_argument("--json", action="store_true", help="one JSON document, nothing else")
    parser.add_argument("--write", action="store_true", help="renew verdicts.json")
    return parser.parse_args()


def report(options: argparse.Namespace) -> int:
    from django.db import connection
    from django.test.utils import setup_test_environment

    setup_test_environment()
    connection.creation.create_test_db(verbosity=0)
    from tests.queries.corpus import score

    scored = score.score(verify=options.verify, only=options.only)
    if options.write:
        score.VERDICTS.write_text(score.verdicts(scored))
    numbers = score.figures(scored, verify=options.verify)
    wrong = {s.case.name: list(score.complaints(s, verify=options.verify)) for s in scored}
    tell = as_json if options.json else as_text
    tell(numbers, {name: lines for name, lines in wrong.items() if lines})
    return 0 if good(numbers) else 1


def good(numbers: dict[str, Any]) -> bool:
    return not numbers.get("wrong_yes") and all(
        numbers[name] >= least for name, least in THRESHOLDS.items()
    )


def as_json(numbers: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    json.dump({"django": django.__version__, **numbers, "wrong": wrong}, sys.stdout, indent=1)
    print()


def as_text(numbers: dict[str, Any], wrong: dict[str, list[str]]) -> None:
    for name, lines in wrong.items():
        print(name, *(f"  {line}" for line in lines), sep="\n")
    print(f"\nDjango {django.__version__}")
    for name, value in numbers.items():
        least = f"   (at least {THRESHOLDS[name]})" if name in THRESHOLDS else ""
        print(f"{name:12} {value:>8}{least}")


if __name__ == "__main__":
    sys.exit(main())
