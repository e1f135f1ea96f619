"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._counting import Queries
from ._diff import combined
from ._finding import Finding
from ._origin import Injection, track_everywhere, tracking
from ._proof import applied, prove, prove_url
from ._proofs import load as proven
from ._proofs import save as keep_proofs
from ._replay import Page, ReplayError, replay
from ._sandbox import InRequestError
from ._waterfall import Bar, Waterfall
from ._waterfall import load as waterfall

__all__ = [
    "Bar",
    "Finding",
    "InRequestError",
    "Injection",
    "Page",
    "Queries",
    "ReplayError",
    "Waterfall",
    "applied",
    "combined",
    "keep_proofs",
    "prove",
    "prove_url",
    "proven",
    "replay",
    "track_everywhere",
    "tracking",
    "waterfall",
]
