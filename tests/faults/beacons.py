"""What a browser tells of a page that was slow in it; all this bench knows of ``{% vitals %}``."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

SCRIPT = re.compile(rb"<script[^>]*\bvitals[^>]*>")
DATA = re.compile(r'\bdata-([a-z-]+)="([^"]*)"')
FRONT = 3.0  # seconds that the browser itself needs


@dataclass(frozen=True, slots=True)
class Beacon:
    """Its document, where it goes, and the seconds of front end it tells."""

    document: dict[str, Any]
    to: str
    front: float

    @classmethod
    def of(cls, page: bytes) -> Beacon | None:
        """Of a page with our script in it; None without."""
        tag = SCRIPT.search(page)
        if tag is None:
            return None
        data = {name: html.unescape(text) for name, text in DATA.findall(tag[0].decode())}
        loaded = 40 + 1000 * FRONT
        document = {"v": 1, "r": data["route"], "ttfb": 25, "response": 40, "dom": loaded - 200}
        document |= {"load": loaded, "lcp": loaded - 100, "inp": 180, "cls": 0.02}
        return cls(document, data["to"], FRONT)
