"""Pages for people, the badge and the regions on the site's own; reads the rooms, owns nothing."""

from ._badge import adecorate, decorate
from ._regions import apictured, pictured

__all__ = ["adecorate", "apictured", "decorate", "pictured"]
