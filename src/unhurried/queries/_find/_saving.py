"""What the saving of a row does besides, which a bulk write leaves out."""

from __future__ import annotations

from typing import Any

from django.db.models import Model
from django.db.models.signals import post_save, pre_save


def has_own_save(model: Any) -> bool:
    return model.save is not Model.save


def is_listened_to(model: Any) -> bool:
    return pre_save.has_listeners(model) or post_save.has_listeners(model)
