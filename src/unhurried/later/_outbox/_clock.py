"""The database's own clock, which all hosts share."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from django.db.models import DateTimeField, ExpressionWrapper
from django.db.models.functions import Now


def in_seconds(seconds: float) -> Any:
    """An expression: so many seconds from now."""
    return ExpressionWrapper(Now() + timedelta(seconds=seconds), output_field=DateTimeField())


def backoff(attempts: int, *, first: float = 1.0, longest: float = 300.0) -> float:
    """Seconds until the next try, with full jitter (Brooker, "Exponential Backoff And Jitter")."""
    return random.uniform(0.1, 1.0) * min(longest, first * 2.0 ** min(attempts, 20))
