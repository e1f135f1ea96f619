"""Rule 3: procrastinate.

    from unhurried.later import Tally

    views = Tally("pages.Page", "views")
    views.add(page)  # no query: what is added is written behind, by the batch

Where background work is done is the setting ``LATER``: ``"thread"`` (one in each process),
``"tasks:<alias>"`` of Django's ``TASKS``, or ``"celery"``.
"""

from ._tally import Tally

__all__ = ["Tally"]
