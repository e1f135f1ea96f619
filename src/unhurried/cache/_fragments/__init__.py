"""Fragments: the pieces of a page that are another for each reader, or change more often than it.

``_registry`` knows them by name, ``_holes`` is what they leave in the page around them, ``_second``
fills that in for each reader, ``_signed`` and ``_endpoint`` give them an address of their own.
"""

from . import _second  # noqa: F401 - it makes what is placed
from ._registry import Fragment, fragment

__all__ = ["Fragment", "fragment"]
