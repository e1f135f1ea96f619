"""Rule 3: procrastinate.

So far only the kick, with which ``unhurried.cache`` asks for its background work. Where that work
is done is the setting ``LATER``: ``"thread"`` (one in each process), ``"tasks:<alias>"`` of
Django's ``TASKS``, or ``"celery"``.
"""

__all__: list[str] = []
