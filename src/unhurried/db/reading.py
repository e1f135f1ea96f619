"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._dba._answers import BAD, FINE, LOOK, STATES, UNKNOWN, Answer, Item
from ._dba._report import QUESTIONS, Report
from ._dba._report import ask as ask_dba

__all__ = [
    "BAD",
    "FINE",
    "LOOK",
    "QUESTIONS",
    "STATES",
    "UNKNOWN",
    "Answer",
    "Item",
    "Report",
    "ask_dba",
]
