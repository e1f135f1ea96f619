"""Findings against labels: recall, precision, exact remedies, and whether a proof was deserved."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.queries.corpus.case import ROOT, TEMPLATES, Case, Expected, marks
from tests.queries.corpus.cases import load
from tests.queries.corpus.run import filled, replay

VERDICTS = Path(__file__).parent / "verdicts.json"
#: How a remedy of one place reads in words, where it is no call.
WORDS = {
    "undefer": "defer()",
    "drop_select_related": "without .select_related(",
    "drop_prefetch_related": "without .prefetch_related(",
}


@dataclass
class Scored:
    """One case: pairs of label and finding, and what has no partner."""

    case: Case
    findings: list[Any]
    pairs: list[tuple[Expected, Any]] = field(default_factory=list)
    missed: list[Expected] = field(default_factory=list)
    #: findings that match no label by kind, relation and loop
    false: list[Any] = field(default_factory=list)
    #: findings that match a label which another finding has met already: told twice
    twice: list[Any] = field(default_factory=list)

    def exact(self, expected: Expected, finding: Any) -> bool:
        """Origin, path and call are those that must be written."""
        return (
            finding.origin == self.case.place("origin", expected.origin)
            and finding.path == expected.path
            and calls(finding, expected.remedy)
        )

    def wrong_line(self, expected: Expected, finding: Any) -> bool:
        """A line was named, and it is another one. Where rows come from that are written or asked
        for again is worth knowing, but nothing is to be changed there, so it is not judged."""
        if expected.relations == (None,) or expected.kind == "duplicate":
            return False
        origin = self.case.place("origin", expected.origin)
        return finding.origin is not None and finding.origin != origin

    def wrong_yes(self) -> list[Any]:
        """Findings called verified though the page would change, or the line is not the one."""
        met = [
            finding
            for expected, finding in self.pairs
            if not expected.proof
            or (expected.fixable and self.wrong_line(expected, finding))
            or (expected.fixable and finding.path != expected.path)
        ]
        return [finding for finding in (*met, *self.false) if finding.verified == "yes"]


def calls(finding: Any, remedy: str | None) -> bool:
    if remedy is None:
        return True
    how = finding.injection and finding.injection.how
    return how == remedy or WORDS.get(remedy, f"{remedy}(") in finding.remedy


def pair(case: Case, findings: Iterable[Any]) -> Scored:
    """Each label meets one finding at most, one with the right origin if there is one."""
    scored = Scored(case, list(findings))
    left, open_labels = list(scored.findings), list(case.expect)
    for same_origin in (True, False):
        for expected in list(open_labels):
            origin = case.place("origin", expected.origin)
            for finding in left:
                if meets(case, expected, finding) and (not same_origin or finding.origin == origin):
                    scored.pairs.append((expected, finding))
                    left.remove(finding)
                    open_labels.remove(expected)
                    break
    scored.missed = open_labels
    for finding in left:
        known = any(meets(case, expected, finding) for expected in case.expect)
        (scored.twice if known else scored.false).append(finding)
    return scored


def meets(case: Case, expected: Expected, finding: Any) -> bool:
    loop = case.place("loop", expected.loop)
    return (
        finding.kind == expected.kind
        and finding.relation in expected.relations
        and loop in (None, finding.loop)
    )


def score(*, verify: bool = False, only: str = "") -> list[Scored]:
    """All cases whose name contains ``only``, in the database that is open."""
    with filled():
        return score_filled(verify=verify, only=only)


def score_filled(*, verify: bool = False, only: str = "") -> list[Scored]:
    """The same where the rows are there already."""
    return [run(case, verify=verify) for case in load().values() if only in case.name]


def run(case: Case, *, verify: bool = False) -> Scored:
    from unhurried.queries import count_queries

    with count_queries() as queries:
        replay(case)
    findings = list(queries.findings)
    if verify:
        from unhurried.queries.reading import prove

        prove(lambda: replay(case), findings)
    return pair(case, findings)


def figures(all_scored: list[Scored], *, verify: bool = False) -> dict[str, Any]:
    labels = [(s, e, None) for s in all_scored for e in s.missed]
    labels += [(s, e, f) for s in all_scored for e, f in s.pairs]
    told = sum(len(s.findings) for s in all_scored)
    fixable = [(s, e, f) for s, e, f in labels if e.fixable]
    found = [(s, e, f) for s, e, f in labels if f is not None]
    numbers = {
        "cases": len(all_scored),
        "labels": len(labels),
        "findings": told,
        "recall": share(len(found), len(labels)),
        "precision": share(told - sum(len(s.false) for s in all_scored), told),
        "fixable": len(fixable),
        "exact": share(sum(f is not None and s.exact(e, f) for s, e, f in fixable), len(fixable)),
        "wrong_lines": sum(s.wrong_line(e, f) for s, e, f in found),
        "told_twice": sum(len(s.twice) for s in all_scored),
    }
    return numbers | (proofs(all_scored, fixable) if verify else {})


def proofs(all_scored: list[Scored], fixable: list[Any]) -> dict[str, Any]:
    """The share proven of what can be, and how often "yes" was wrong."""
    provable = [finding for _, expected, finding in fixable if expected.proof]
    yes = sum(finding is not None and finding.verified == "yes" for finding in provable)
    return {
        "verified": share(yes, len(provable)),
        "wrong_yes": sum(len(scored.wrong_yes()) for scored in all_scored),
    }


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 1.0


def complaints(scored: Scored, *, verify: bool = False) -> Iterator[str]:
    """What is wrong with a case, a line each."""
    case = scored.case
    for expected in scored.missed:
        loop = case.place("loop", expected.loop)
        yield f"missed        {expected.kind} {expected.relation} at {loop}"
    for finding in scored.false:
        yield f"false alarm   {brief(finding)}"
    for finding in scored.twice:
        yield f"told twice    {brief(finding)}"
    for expected, finding in scored.pairs:
        origin = case.place("origin", expected.origin)
        if expected.fixable and not scored.exact(expected, finding):
            yield f"not exact     {brief(finding)}"
            yield f"   should be  {origin} {expected.path} {expected.remedy}"
        elif scored.wrong_line(expected, finding):
            yield f"wrong line    {brief(finding)}, should be {origin}"
        if verify and expected.fixable and expected.proof and finding.verified != "yes":
            yield f"not verified  {brief(finding)}: {finding.verified}, {finding.why}"
    if verify:
        yield from (f'WRONG "yes"   {brief(finding)}' for finding in scored.wrong_yes())


def brief(finding: Any) -> str:
    return (
        f"{finding.kind} {finding.relation} at {finding.loop}"
        f" from {finding.origin} {finding.path}: {finding.remedy}"
    )


def verdicts(all_scored: list[Scored]) -> str:
    """What was found, by marks instead of lines: the same on every Django, whatever is edited."""
    told = {
        scored.case.name: sorted(
            [
                f"{finding.kind}, {finding.relation}, {named('loop', finding.loop)},"
                f" {named('origin', finding.origin)}, {finding.path}"
                for finding in scored.findings
            ]
        )
        for scored in all_scored
    }
    return json.dumps(told, indent=1) + "\n"


@cache
def named(kind: str, place: str | None) -> str | None:
    """The mark at a place, or the place itself where there is none."""
    if place is None:
        return None
    name, _, line = place.rpartition(":")
    file = TEMPLATES / name if (TEMPLATES / name).is_file() else ROOT / name
    if not file.is_file():
        return name  # of Django's own, whose lines differ from version to version
    found = (mark for (k, mark), lines in marks(file).items() if k == kind and int(line) in lines)
    return next((f"{mark} ({file.stem})" for mark in found), place)
