"""``{% load unhurried %}``: the tags of all rooms."""

from __future__ import annotations

from django import template

from unhurried.cache.reading import do_cached, do_fragment, do_phased
from unhurried.dashboard._vitals_tag import do_vitals

register = template.Library()
register.tag("cached", do_cached)
register.tag("fragment", do_fragment)
register.tag("phased", do_phased)
register.tag("vitals", do_vitals)
