"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._audience._urls import kept_by_route
from ._edges._check import Step, check_edge, shipped
from ._edges._probe import edge_probe
from ._edges._sharing import withhold
from ._engine._beside import unseen
from ._fragments._cached_node import do_cached
from ._fragments._endpoint import fragment_view
from ._fragments._fragment_node import do_fragment, put
from ._fragments._phased import do_phased
from ._install import install
from ._pages._key import PICTURE
from ._regions import (
    Recorder,
    Region,
    Solids,
    Verdict,
    as_dict,
    begin,
    finish,
    mark_for,
    marked,
    record,
    regions_of,
    verdict_of,
)
from ._warm import Warmed, warm
from ._why._answer import Tie, Why, hint_of
from ._why._asking import all_of_it, why

__all__ = [
    "PICTURE",
    "Recorder",
    "Region",
    "Solids",
    "Step",
    "Tie",
    "Verdict",
    "Warmed",
    "Why",
    "all_of_it",
    "as_dict",
    "begin",
    "check_edge",
    "do_cached",
    "do_fragment",
    "do_phased",
    "edge_probe",
    "finish",
    "fragment_view",
    "hint_of",
    "install",
    "kept_by_route",
    "mark_for",
    "marked",
    "put",
    "record",
    "regions_of",
    "shipped",
    "unseen",
    "verdict_of",
    "warm",
    "why",
    "withhold",
]
