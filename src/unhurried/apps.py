"""The app: it installs what measures, in this order, and registers the checks."""

from __future__ import annotations

from django.apps import AppConfig

from unhurried.cache import reading as cache
from unhurried.conf import settings
from unhurried.diagnose import reading as diagnose
from unhurried.later import reading as later
from unhurried.measure import _install
from unhurried.queries._budget import _enforcing
from unhurried.queries._live import _production


class UnhurriedConfig(AppConfig):
    name = "unhurried"
    verbose_name = "unhurried"

    def ready(self) -> None:
        from unhurried import checks  # noqa: F401 - registers; needs the settings

        if settings.MEASURE:
            _install.install()
            _production.install()
            _enforcing.install()
            diagnose.install()
        later.install()
        cache.install()
