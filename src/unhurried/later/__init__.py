"""Rule 3: procrastinate.

Do it later, lose nothing, and let no request wait for it::

    from unhurried.later import Tally, hang_on, later, progress, task

    later(messages).update(received=True)

    @task
    def mark_received(message_ids):
        ...

    mark_received.delay(messages.values_list("id", flat=True))

    views = Tally(Page, "views")
    views.add(page)

    @hang_on(after=0.3)
    def report(request):  # answers at once, with a waiting page, and then with its result
        ...

What is asked for is written down in the transaction that is open, in tables of
``INSTALLED_APPS += ["unhurried.later"]``. Where it is done is the setting ``LATER``: ``"thread"``
(some in each process), ``"tasks:<alias>"`` of Django's ``TASKS``, or ``"celery"``.
"""

from ._errors import LaterError
from ._hang_on._decorator import hang_on
from ._hang_on._progress import progress
from ._tally import Tally
from ._task._task import Task, task
from ._writing._later import later

__all__ = ["LaterError", "Tally", "Task", "hang_on", "later", "progress", "task"]
