"""Rule 3: procrastinate.

A slow view answers at once, with a waiting page, and then, at the same URL, with its result::

    from unhurried.later import hang_on, progress

    @hang_on(after=0.3)
    def report(request): ...

Where the work is done is the setting ``LATER``: ``"thread"`` (some in each process),
``"tasks:<alias>"`` of Django's ``TASKS``, or ``"celery"``.
"""

from ._errors import LaterError
from ._hang_on._progress import progress
from ._hang_on._view import hang_on

__all__ = ["LaterError", "hang_on", "progress"]
