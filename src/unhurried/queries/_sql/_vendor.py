"""Which database an alias stands for."""

from __future__ import annotations

from django.db import connections


def vendor(alias: str) -> str:
    """``connection.vendor``; an empty string for an alias that is not among the settings."""
    return str(connections[alias].vendor) if alias in connections else ""
