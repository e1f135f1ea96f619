"""stub"""

from __future__ import annotations

import re


def neutral(body: bytes, content_type: str) -> bytes:
    with_ = b"\\u003c" if "json" in content_type or "javascript" in content_type else b"&lt;"
    return re.sub(rb"(?i)<(?=/?esi:|!--esi|!--#)", lambda found: with_, body)
