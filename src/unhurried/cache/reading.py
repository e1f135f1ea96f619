"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._edges._check import Step, check_edge, shipped
from ._edges._probe import edge_probe
from ._functions._fragment import do_cached
from ._install import install
from ._warm import Warmed, warm
from ._why._answer import Tie, Why, hint_of
from ._why._asking import all_of_it, why

__all__ = [
    "Step",
    "Tie",
    "Warmed",
    "Why",
    "all_of_it",
    "check_edge",
    "do_cached",
    "edge_probe",
    "hint_of",
    "install",
    "shipped",
    "warm",
    "why",
]
