"""Whether the verdict is right: the example made slow in each of ten ways, by real means.

    .venvs/services-3.11/bin/python benchmarks/diagnose.py                     (an hour)
    … benchmarks/diagnose.py --only network --runs 1 --keep-store DIR          (half a minute)
    … benchmarks/diagnose.py --gains                                           (25 minutes)

Each run has a fresh store and fresh workers of gunicorn, six visitors for some seconds, and then
``manage.py unhurried diagnose --json``. The faults, and how the truth of each is known without our
own measurements, are in ``tests/faults/catalogue.py``. Runs are shuffled, healthy ones among them;
what a page takes where all is well is the mean of the last five of those. A run during which
others needed the processors is played again, at most twice. Nothing is written, but where
``--keep-store`` says.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "src")]

from tests.faults import score  # noqa: E402
from tests.faults.catalogue import FAULTS, PAIRS, Fault, healthy  # noqa: E402
from tests.faults.gains import REMEDIES, Gain, measured  # noqa: E402
from tests.faults.play import Outcome, undisturbed  # noqa: E402
from tests.faults.rig import Rig, rig  # noqa: E402
from tests.faults.truths import Seen, means  # noqa: E402

RUNS = 20
#: Of a way to be slow that has two means each is played half as often; pairs, and what is of none
#: of the ten ways, a quarter.
SELDOM = dict.fromkeys(("busy", "locks", "threads", "one-thread"), 2) | dict.fromkeys(
    ("connects", "sessions", "n+1", "loop", *(pair.name for pair in PAIRS)), 4
)
KEPT = 5


def main() -> int:
    options = _options()
    with rig() as site:
        if options.gains:
            return _gains(site, options)
        outcomes = list(_played(site, options))
    _report(outcomes)
    return int(not all(outcome.right for outcome in outcomes))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS, help="of each fault (20)")
    parser.add_argument("--only", action="append", metavar="NAME", help=", ".join(FAULTS))
    parser.add_argument("--seconds", type=float, default=7.0, help="of each run (7)")
    parser.add_argument("--minutes", type=float, default=180.0, help="then no new run (180)")
    parser.add_argument("--seed", type=int, default=2012)
    parser.add_argument("--keep-store", type=Path, metavar="DIR", help="copies of the stores")
    parser.add_argument("--anyway", action="store_true", help="count runs that others disturbed")
    parser.add_argument("--gains", action="store_true", help="what remedies gain, beside promises")
    parser.add_argument("--rounds", type=int, default=3, help="of both sides of a remedy (3)")
    options = parser.parse_args()
    known = REMEDIES if options.gains else FAULTS
    if wrong := set(options.only or ()) - set(known):
        parser.error(f"--only: not known: {', '.join(wrong)}; there are {', '.join(known)}")
    return options


def _order(options: argparse.Namespace, has: dict[str, object]) -> list[Fault]:
    """Shuffled, after a healthy run that says what pages take."""
    chosen = [FAULTS[name] for name in options.only or FAULTS]
    runs = []
    for fault in chosen:
        if fault.needs and not has.get(fault.needs):
            print(f"{fault.name} is left out: the site has no {fault.needs}.")
            continue
        runs += [fault] * max(options.runs // SELDOM.get(fault.name, 1), 1)
    random.Random(options.seed).shuffle(runs)
    print(f"Seed {options.seed}: {', '.join(fault.name for fault in runs)}\n", flush=True)
    return [healthy, *runs]


def _played(site: Rig, options: argparse.Namespace) -> Iterator[Outcome]:
    until, well = time.monotonic() + 60 * options.minutes, list[Seen]()
    for number, fault in enumerate(_order(options, site.site)):
        if time.monotonic() > until:
            print(f"{options.minutes:g} minutes are over.")
            return
        keep = options.keep_store and options.keep_store / f"{number:03}-{fault.name}"
        outcome = undisturbed(
            site,
            fault,
            means(well),
            tries=1 if options.anyway else 3,
            seconds=options.seconds,
            seed=options.seed + number,
            keep=keep,
        )
        if fault is healthy:
            well = [*well[1 - KEPT :], outcome.seen]
        _tell(number, outcome)
        if number:  # the first is the yardstick
            yield outcome


def _tell(number: int, outcome: Outcome) -> None:
    mark = "right" if outcome.right else "WRONG"
    seen, first = outcome.seen, score.said_of(outcome)
    print(f"{number:3} {outcome.fault.name:22} {mark}  truth: {score.truth_of(outcome)}")
    print(
        f"    {len(seen.all)} requests, {1000 * seen.time / len(seen.all):.0f} ms each, "
        f"{seen.unanswered} unanswered; others needed {outcome.others.cores:.2f} cores; "
        f"{outcome.took:.0f} s"
    )
    print("".join(f"    {line}\n" for line in first), end="", flush=True)


def _report(outcomes: Sequence[Outcome]) -> None:
    for title, lines in (
        ("", score.table(outcomes)),
        ("Taken for", score.confusion(outcomes)),
        ("Wrong", score.misses(outcomes)),
    ):
        print(f"\n{title}")
        for line in lines:
            print(line)


def _gains(site: Rig, options: argparse.Namespace) -> int:
    """Milliseconds per request that each remedy had, and what was promised for them."""
    columns = (("before", 9), ("after", 9), ("had", 9), ("promised", 10), ("ratio", 8))
    columns += (("spread", 8), ("others", 8))
    print(f"{'':20}" + "".join(f"{name:>{width}}" for name, width in columns))
    tries = 1 if options.anyway else 3
    for name in options.only or REMEDIES:
        remedy, keep = REMEDIES[name], options.keep_store
        how = {"seconds": options.seconds, "tries": tries, "keep": keep}
        gain = measured(site, remedy, rounds=options.rounds, **how)
        print(f"{name:20}{_gain(gain)}")
        for line in [f"    {each['title']}" for each in gain.findings] or gain.said:
            print(f"    {line}", flush=True)
    return 0


def _gain(gain: Gain) -> str:
    had = f"{1000 * gain.before:9.2f}{1000 * gain.after:9.2f}{1000 * gain.had:9.2f}"
    noise = f"{gain.spread:8.2f}{gain.others:8.2f}"
    if gain.promised is None:
        return f"{had}{'nothing':>10}{'':8}{noise}"
    return f"{had}{1000 * gain.promised:10.2f}{gain.promised / gain.had:8.2f}{noise}"


if __name__ == "__main__":
    sys.exit(main())
