"""Many runs together: how often the verdict was right, and how far its shares are off."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from .play import Outcome

FINE = "fine"


def by_fault(outcomes: Sequence[Outcome]) -> dict[str, list[Outcome]]:
    found = defaultdict(list)
    for outcome in outcomes:
        found[outcome.fault.name].append(outcome)
    return dict(found)


def table(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """A line for each fault, and one for all that have causes."""
    yield f"{'':24}{'right':>9}{'truth':>8}{'share off':>11}{'others':>8}"
    for name, runs in by_fault(outcomes).items():
        yield _line(name, runs)
    faulty = [outcome for outcome in outcomes if outcome.fault.causes]
    if faulty:
        yield _line("all faults", faulty)


def _line(name: str, runs: Sequence[Outcome]) -> str:
    right = f"{sum(run.right for run in runs)} / {len(runs)}"
    off = [miss for run in runs for miss in run.misses.values()]
    shares = [share for run in runs for share in run.truth.values()]
    truth = f"{_mean(shares):8.0%}" if shares else f"{'':8}"
    points = f"{100 * _mean(off):7.1f} pts" if off else f"{'':11}"
    return f"{name:24}{right:>9}{truth}{points}{_mean([run.others.cores for run in runs]):8.2f}"


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


def confusion(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """What each fault was taken for, most often first."""
    for name, runs in by_fault(outcomes).items():
        taken = Counter(run.first for run in runs)
        yield f"{name:24}{', '.join(f'{cause} {n}' for cause, n in taken.most_common())}"


def misses(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Every run that was judged wrongly, with what was said of it."""
    for outcome in outcomes:
        if not outcome.right:
            yield f"{outcome.fault.name}: {truth_of(outcome)}"
            yield from (f"    {line}" for line in said_of(outcome))


def truth_of(outcome: Outcome) -> str:
    shares = [f"{cause} {share:.0%}" for cause, share in outcome.truth.items()]
    return ", ".join(shares) or FINE


def said_of(outcome: Outcome) -> list[str]:
    if isinstance(outcome.verdict, str):
        return [f"no verdict: {outcome.verdict}"]
    lines = [f"{outcome.verdict.get('state')}: {outcome.verdict.get('said')}"]
    for finding in outcome.findings:
        about = f"{finding['cause']} {finding['share']:.0%}, {finding['confidence']}"
        lines.append(f"{about}: {finding['title']}")
    return lines
