"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._brokers import install
from ._drain import Done, drain
from ._ending import ending
from ._errors import LaterError
from ._kick import Figures, drain_now, figures, kick, paused
from ._lanes import lane
from ._problems import problems
from ._ratio import Ratio, write_read_ratio
from ._thread import Worker

__all__ = [
    "Done",
    "Figures",
    "LaterError",
    "Ratio",
    "Worker",
    "drain",
    "drain_now",
    "ending",
    "figures",
    "install",
    "kick",
    "lane",
    "paused",
    "problems",
    "write_read_ratio",
]
