"""``{% load unhurried %}``: the tags of all rooms."""

from __future__ import annotations

from django import template

from unhurried.cache.reading import do_cached

register = template.Library()
register.tag("cached", do_cached)
