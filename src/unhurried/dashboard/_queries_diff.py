"""``manage.py unhurried queries --diff``: what was verified for the routes, in one diff."""

from __future__ import annotations

import re
from typing import Final

from unhurried.queries.reading import proven

_FILE: Final = re.compile(r"^\+\+\+ b/(.+)$", re.MULTILINE)


def diff(route: str | None = None) -> tuple[str, list[str]]:
    """(the diff, why something is left out of it): each route's verified remedies together.

    Two routes that change one file may change one line: the later one is left out.
    """
    wanted = None if route is None else route.lstrip("/")
    parts: dict[str, str] = {}
    for proof in proven():
        if proof["verified"] == "yes" and proof["together"] and wanted in (None, proof["route"]):
            parts.setdefault(proof["together"], proof["route"])
    kept: list[str] = []
    touched: dict[str, str] = {}
    notes = []
    for text, name in parts.items():
        files = _FILE.findall(text)
        other = next((touched[file] for file in files if file in touched), None)
        if other is None:
            kept.append(text)
            touched.update(dict.fromkeys(files, name))
        else:
            notes.append(
                f"/{name} is left out, for it changes a file that /{other} does: apply this, then "
                f"run diagnose for /{name} again."
            )
    return "".join(kept), notes
