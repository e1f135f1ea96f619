"""The app of the room's tables: ``INSTALLED_APPS += ["unhurried.later"]``."""

from __future__ import annotations

from django.apps import AppConfig

from . import _drain
from ._hang_on import _run
from ._outbox import _sweep


class LaterConfig(AppConfig):
    name = "unhurried.later"
    label = "unhurried_later"
    verbose_name = "unhurried: later"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        _drain.install()
        _run.install()
        _sweep.install()
