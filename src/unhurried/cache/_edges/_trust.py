"""stub"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unhurried.conf import given


def capability(meta: Mapping[str, Any]) -> str:
    said = meta.get("HTTP_SURROGATE_CAPABILITY")
    if not said or meta.get("REMOTE_ADDR") not in given().get("SURROGATES", ()):
        return ""
    return "esi" if "ESI/1.0" in said else "ssi" if "SSI/1.0" in said else ""
