"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._brokers import install
from ._drain import Done, drain
from ._elsewhere import moved
from ._ending import ending
from ._errors import LaterError
from ._hang_on._shown import running_views
from ._kick import Figures, background, drain_now, figures, kick, paused, settle
from ._lanes import lane
from ._outbox._dead import discard, retry
from ._outbox._status import DeadRow, LaneStatus, lanes_now, newest_dead
from ._outbox._tables import LINE, aliases, installed
from ._problems import problems
from ._putting_off import listeners as putting_off
from ._ratio import Ratio, write_read_ratio
from ._thread import Worker
from ._writing._advice import LaneFigures, figures_of_lanes

__all__ = [
    "LINE",
    "DeadRow",
    "Done",
    "Figures",
    "LaneFigures",
    "LaneStatus",
    "LaterError",
    "Ratio",
    "Worker",
    "aliases",
    "background",
    "discard",
    "drain",
    "drain_now",
    "ending",
    "figures",
    "figures_of_lanes",
    "install",
    "installed",
    "kick",
    "lane",
    "lanes_now",
    "moved",
    "newest_dead",
    "paused",
    "problems",
    "putting_off",
    "retry",
    "running_views",
    "settle",
    "write_read_ratio",
]
