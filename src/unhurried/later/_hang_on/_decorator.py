"""``@hang_on(after=0.3)``: a view that takes long, as a page that waits until it is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from functools import update_wrapper
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction, sync_to_async
from django.db import connections, transaction
from django.http import HttpRequest
from django.urls import ResolverMatch

from .._errors import LaterError
from .._outbox._tables import require
from ._options import TEMPLATE, Audience, By, Options, checked
from ._progress import running
from ._visit import Visit

View = Callable[..., Any]


def hang_on(
    after: float = 0.3,
    *,
    key: Callable[..., str] | None = None,
    vary: Iterable[By] = (),
    keep: float = 60,
    wait: float = 25,
    limit: int = 4,
    audience: Audience = "user",
    template: str = TEMPLATE,
) -> Callable[[View], HungView]:
    """Let a GET that takes longer than ``after`` seconds be made in the background, once for all.

    Up to then it simply answers. After it, browsers see a page that waits, at the same URL, and
    then the result; whoever can't be shown one is let wait, up to ``wait`` seconds. Around
    functions, coroutines and ``as_view()``; ``method_decorator(hang_on(), name="dispatch")``.

    Args:
        key: function of what the view is called with, instead of the URL's path and query.
        vary: what else the result differs by: "header:NAME", which the view sees then, or functions
            of the request that return a str.
        keep: seconds that a result is shown, from 10 on.
        limit: works of one visitor under way at once; then 429.
        audience: "user": each has a result of his own. "all": it is one for all, and the view is
            called with nobody as its user.
        template: of the page that waits, and of those for failures.

    The view has a request of its own: path, query, host, user and language of the one that came,
    without cookies, session and what middleware puts on it. Only what stands above this decorator
    is asked at each request, so ``login_required`` and the like stand there.

    Raises:
        LaterError: an argument is wrong.
    """
    if callable(after):
        raise LaterError("@hang_on needs its parentheses.", "Write @hang_on().")
    given = {"after": after, "key": key, "vary": vary, "keep": keep, "wait": wait}
    options = checked({**given, "limit": limit, "audience": audience, "template": template})

    def decorate(view: View) -> HungView:
        return HungView(view, options)

    return decorate


class HungView:
    """A view and how it is waited for. Called like the view; async if that is."""

    def __init__(self, view: View, options: Options) -> None:
        if not callable(view):
            raise LaterError(f"hang_on: {view!r} is no view.", "Pass SomeView.as_view().")
        self.view, self.options = view, options
        self.is_async = iscoroutinefunction(view)
        update_wrapper(self, view)
        self._without_transaction()
        self.unhurried_hang_on = self
        if self.is_async:
            markcoroutinefunction(self)

    def _without_transaction(self) -> None:
        """Under ATOMIC_REQUESTS the view has its transaction; who waits for it has none."""
        self.exempt = frozenset(vars(self).pop("_non_atomic_requests", ()))
        for alias in connections:
            transaction.non_atomic_requests(using=alias)(self)

    def __get__(self, instance: object, owner: type) -> HungView:
        if instance is None:
            return self
        raise TypeError(
            "hang_on stands on a method. Decorate the class: "
            '@method_decorator(hang_on(), name="dispatch").'
        )

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if self.is_async:
            return self._acall(request, args, kwargs)
        visit = self._visit(request, args, kwargs)
        if visit is None:
            return self.plain(request, *args, **kwargs)
        with visit:
            while isinstance(found := visit.step(), float):
                time.sleep(found)
        return self.plain(request, *args, **kwargs) if found is None else found

    async def _acall(self, request: HttpRequest, args: Any, kwargs: Any) -> Any:
        visit = self._visit(request, args, kwargs)
        if visit is None:
            return await self.view(request, *args, **kwargs)
        with visit:
            found = await sync_to_async(visit.step)()
            while isinstance(found, float):
                await asyncio.sleep(found)
                found = await sync_to_async(visit.step)()
        return await self.view(request, *args, **kwargs) if found is None else found

    def _visit(self, request: HttpRequest, args: Any, kwargs: Any) -> Visit | None:
        """None for what is never hung: unsafe methods, and the work itself."""
        if running.get() is not None or request.method not in ("GET", "HEAD"):
            return None
        require()
        if not self.is_async and _in_event_loop():
            raise LaterError(
                f"{request.path} is asynchronous, which can't be seen from its class.",
                "Decorate the view of the class: hang_on()(SomeView.as_view()).",
            )
        return Visit(request, args, kwargs, self.options)

    def plain(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """The view in its transactions, as Django would have called it."""
        with ExitStack() as stack:
            for alias in connections:
                if connections[alias].settings_dict["ATOMIC_REQUESTS"] and alias not in self.exempt:
                    stack.enter_context(transaction.atomic(using=alias))
            return self.view(request, *args, **kwargs)

    def undecorated(self, match: ResolverMatch) -> View:
        """What the work calls: below this decorator, or, of a class, all of its view."""
        if _is_dummy(self.view):
            return match.func
        return self.view if self.is_async else self.plain


def _in_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _is_dummy(view: Any) -> bool:
    """``method_decorator`` tries a decorator on a function of its own, to see what it adds."""
    return str(getattr(view, "__qualname__", "")).startswith("_update_method_wrapper.")
