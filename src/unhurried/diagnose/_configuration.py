"""Settings that make a site slow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setting:
    name: str
    value: str
    wrong: bool
    why: str
    remedy: str


def configuration() -> list[Setting]:
    return []
