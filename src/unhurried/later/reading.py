"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._brokers import install
from ._errors import LaterError
from ._kick import Figures, drain_now, figures, kick, paused
from ._lanes import lane
from ._problems import problems
from ._thread import Worker

__all__ = [
    "Figures",
    "LaterError",
    "Worker",
    "drain_now",
    "figures",
    "install",
    "kick",
    "lane",
    "paused",
    "problems",
]
