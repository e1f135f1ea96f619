"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._counting import Queries
from ._finding import Finding
from ._origin import Injection, track_everywhere, tracking

__all__ = ["Finding", "Injection", "Queries", "track_everywhere", "tracking"]
