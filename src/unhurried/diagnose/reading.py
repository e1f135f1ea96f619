"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._live import verdict
from ._promises import install
from ._sizes import DELAY as WORTH
from ._verdict import CAUSES, FINE, SLOW, TOO_LITTLE, Cause, Promise, Verdict

__all__ = [
    "CAUSES",
    "FINE",
    "SLOW",
    "TOO_LITTLE",
    "WORTH",
    "Cause",
    "Promise",
    "Verdict",
    "install",
    "verdict",
]
