"""What the dashboard may use of this room. Not for sites: their list is in ``__init__``."""

from ._verdict import FINE, SLOW, TOO_LITTLE, Cause, Verdict

__all__ = ["FINE", "SLOW", "TOO_LITTLE", "Cause", "Verdict", "verdict"]


def verdict(minutes: float | None = None) -> Verdict:
    """Stands here until the judge does: it has seen nothing, and says so."""
    seconds = 0.0 if minutes is None else 60 * minutes
    return Verdict(TOO_LITTLE, "Not enough data: nobody judges yet.", seconds)
