"""Template filters and tags of the dashboard's own pages, known to its own engine alone."""

from __future__ import annotations

from django.template import Library

from . import _assets, _format

register = Library()
register.filter("seconds", _format.seconds)
register.filter("count", _format.count)
register.filter("digits", _format.digits)
register.filter("size", _format.size)
register.filter("percent", _format.percent)
register.filter("plural", _format.plural)
register.simple_tag(_assets.url, name="asset")
