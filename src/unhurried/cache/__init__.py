"""Rule 2: cache carefully, and never write ``cache.delete`` again.

::

    from unhurried.cache import cached, cached_page

    @cached_page(600)
    def book_list(request): ...

    @cached(600)
    def username(user_id): ...

What is kept knows what it was computed from; whoever changes that has no cache code at all.
"""

from ._engine._invalidate import invalidate
from ._errors import CacheError, WriteRefused
from ._fragments import fragment
from ._front._door import front_door
from ._functions._cached import Peek, cached
from ._pages import NotShared, cached_page
from ._why._answer import Why
from ._why._asking import why

__all__ = [
    "CacheError",
    "NotShared",
    "Peek",
    "Why",
    "WriteRefused",
    "cached",
    "cached_page",
    "fragment",
    "front_door",
    "invalidate",
    "why",
]
