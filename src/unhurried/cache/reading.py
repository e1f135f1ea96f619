"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._edges._check import Step, check_edge, shipped
from ._edges._probe import edge_probe
from ._fragments._cached_node import do_cached
from ._fragments._endpoint import fragment_view
from ._fragments._fragment_node import do_fragment, put
from ._fragments._phased import do_phased
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
    "do_fragment",
    "do_phased",
    "edge_probe",
    "fragment_view",
    "hint_of",
    "install",
    "put",
    "shipped",
    "warm",
    "why",
]
