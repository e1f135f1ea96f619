"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._live import own_prefix, verdict
from ._verdict import CAUSES, FINE, SLOW, TOO_LITTLE, Cause, Verdict

__all__ = ["CAUSES", "FINE", "SLOW", "TOO_LITTLE", "Cause", "Verdict", "own_prefix", "verdict"]
