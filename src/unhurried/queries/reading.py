"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._counting import Queries
from ._finding import Finding
from ._origin import Injection, track_everywhere, tracking
from ._proofs import load as proven
from ._proofs import save as keep_proofs
from ._waterfall import Bar, Waterfall
from ._waterfall import load as waterfall

__all__ = [
    "Bar",
    "Finding",
    "Injection",
    "Queries",
    "Waterfall",
    "keep_proofs",
    "proven",
    "track_everywhere",
    "tracking",
    "waterfall",
]
