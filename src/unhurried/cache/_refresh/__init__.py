"""Making entries anew with nobody waiting: what is wanted, and the lane that works it off."""

from ._lane import install

__all__ = ["install"]
