"""The app of the room's tables: ``INSTALLED_APPS += ["unhurried.later"]``."""

from __future__ import annotations

from django.apps import AppConfig


class LaterConfig(AppConfig):
    name = "unhurried.later"
    label = "unhurried_later"
    verbose_name = "unhurried: later"
    default_auto_field = "django.db.models.BigAutoField"
