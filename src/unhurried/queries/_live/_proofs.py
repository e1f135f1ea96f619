"""What a replay has proven, kept beside the numbers, so that the dashboard can say so."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from time import time
from typing import Any, Final, Protocol

from unhurried.measure.reading import files, folder, locked, prepare, say_once, versioned

FILE: Final = "findings.json"
FORMAT: Final = "unhurried findings 1"
MOST: Final = 200  # findings; the oldest go
LONGEST: Final = 20_000  # characters of a text in one
VERDICTS: Final = ("yes", "no", "untried")
TEXTS: Final = (
    *("kind", "relation", "loop", "origin", "remedy", "diff", "why", "verified", "route"),
    "together",
)

Proof = dict[str, Any]


class Finding(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


def save(findings: Iterable[Finding], route: str, together: str = "") -> None:
    """Keep what was found on a route, in place of what was known of the same loops before.

    ``together`` is the diff of all its verified remedies: their own may touch the same line.
    Raises OSError or StoreError where the store's folder can't be written.
    """
    place = prepare(folder())
    now = time()
    told = {"route": route, "at": now, "together": together if len(together) <= LONGEST else ""}
    fresh = [_bounded(finding.as_dict()) | told for finding in findings]
    with locked(place):
        known = {_key(proof): proof for proof in _load(place / FILE) if proof["route"] != route}
        known |= {_key(proof): proof for proof in fresh}
        latest = sorted(known.values(), key=lambda proof: -proof["at"])[:MOST]
        document = {"format": FORMAT, "findings": latest}
        files.write(place / FILE, document, str(os.getpid()))


def load() -> list[Proof]:
    """``as_dict()`` of each finding with ``route``, ``at`` (unix time), ``together``; latest first.

    Empty where there are none, or where the file is not one of ours: that is said once.
    """
    return _load(versioned(folder()) / FILE)


def _load(path: Path) -> list[Proof]:
    try:
        found = files.read(path)
        if found is None:
            return []
        if found["format"] != FORMAT:
            raise ValueError("it is not of this version")
        return [_checked(proof) for proof in found["findings"][:MOST]]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        say_once("%s holds no findings of ours (%s); remove it.", path, type(error).__name__)
        return []


def _checked(proof: Proof) -> Proof:
    """What pages and tables lean on is of the type they lean on."""
    for name in TEXTS:
        if not isinstance(proof.setdefault(name, None), str | None):
            raise TypeError(name)
    proof["at"] = float(proof["at"])
    proof["count"] = int(proof.get("count") or 0)
    after = proof.get("queries_after")
    proof["queries_after"] = None if after is None else int(after)
    if proof["verified"] not in VERDICTS:
        raise ValueError(proof["verified"])
    return proof


def _key(proof: Proof) -> tuple[Any, ...]:
    return proof["route"], *(proof.get(name) for name in ("kind", "relation", "loop", "origin"))


def _bounded(value: Any) -> Any:
    if isinstance(value, str):
        return value[:LONGEST]
    if isinstance(value, dict):
        return {str(key)[:LONGEST]: _bounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_bounded(each) for each in value[:100]]
    return value
