"""What an instance of a class-based view brings along from before its decorated method."""

from __future__ import annotations

from typing import Any, Final

from django.views import View

#: Set by Django and by REST framework on each instance, from what is in the key or observed.
_USUAL: Final = frozenset(
    "action action_map args basename description detail format_kwarg head headers kwargs name "
    "request suffix".split()
)


def carried(view: Any, request: Any) -> dict[str, str]:
    """What ``setup`` or ``dispatch`` has left in the instance, in the way of what is touched.

    With ``method_decorator(cached_page(600), name="dispatch")`` or ``"get"`` the page may be made
    from it, and nobody has observed what that was made from (``self.own = request.user.books``).
    Around the whole view, ``cached_page(600)(PinView.as_view())``, there is no such thing.
    ``view`` is what a decorator is given; anything that is no method of a view carries nothing.
    """
    bound = getattr(view, "func", view)
    instance = getattr(bound, "__self__", None)
    if not isinstance(instance, View):
        return {}
    match = getattr(request, "resolver_match", None)
    known = _USUAL | {*getattr(getattr(match, "func", None), "view_initkwargs", {})}
    where = f"{type(instance).__qualname__}, before its {bound.__name__}()"
    brought = [name for name in vars(instance) if name not in known]
    return {f"attr:self.{name}": where for name in brought if not _is_action(instance, name)}


def _is_action(instance: View, name: str) -> bool:
    """``self.get = self.list``: REST framework tells a ViewSet so for all requests of its route."""
    actions = getattr(instance, "action_map", None) or {}
    action = getattr(type(instance), actions.get(name, ""), None)
    value = vars(instance)[name]
    is_own = getattr(value, "__self__", None) is instance
    return is_own and action is not None and getattr(value, "__func__", None) is action
