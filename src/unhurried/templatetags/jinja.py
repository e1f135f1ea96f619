"""The tags for Jinja2: ``"extensions": ["unhurried.templatetags.jinja.Unhurried"]``.

``{{ fragment("hello", size=32, by="auto") }}``, ``{{ vitals(sample=0.1) }}``.
"""

from __future__ import annotations

from typing import Any

from unhurried.cache.reading import put
from unhurried.dashboard._vitals_tag import put as put_vitals

try:
    from jinja2 import Environment, pass_context
    from jinja2.ext import Extension
    from jinja2.runtime import Context
except ModuleNotFoundError:  # Django loads whatever lies in a folder of tags
    pass
else:

    @pass_context
    def fragment(context: Context, name: str, /, **values: Any) -> str:
        """As ``{% fragment %}``; the request is the context's, where Django has put it."""
        return put(context.get("request"), name, values)

    @pass_context
    def vitals(context: Context, sample: Any = 1.0) -> str:
        """As ``{% vitals %}``."""
        return put_vitals(context.get("request"), sample)

    class Unhurried(Extension):
        """Adds ``fragment`` and ``vitals`` to what templates know."""

        def __init__(self, environment: Environment) -> None:
            super().__init__(environment)
            environment.globals["fragment"] = fragment
            environment.globals["vitals"] = vitals
