"""Cached pages: found by their key, sent as they lie, before Django where that is safe.

``_page`` is the decorator, ``_visit`` and ``_making`` what one request goes through in it,
``_through`` the middleware's half.
"""

from ._page import CachedPage, cached_page
from ._refused import NotShared

__all__ = ["CachedPage", "NotShared", "cached_page"]
