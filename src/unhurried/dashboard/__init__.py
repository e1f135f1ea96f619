"""Pages for people and the badge on the site's own; reads the rooms, owns nothing."""

from ._badge import adecorate, decorate

__all__ = ["adecorate", "decorate"]
