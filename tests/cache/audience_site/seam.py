"""``cached_page`` as these tests need it, and nothing of how it serves: one place to exchange.

``kept`` keeps a page in a dict if, and only if, ``unproven`` and ``refusal`` let it. What they said
lies in ``verdicts``, newest last.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from asgiref.sync import iscoroutinefunction
from django.utils.translation import get_language

from unhurried.cache._audience import called, observing, refusal, unproven


@dataclass
class Verdict:
    """What became of a page: kept only if nothing is unproven, and there is no refusal."""

    touched: dict[str, str]
    unproven: dict[str, str]
    refusal: str

    @property
    def is_kept(self) -> bool:
        return not self.unproven and not self.refusal


verdicts: list[Verdict] = []
pages: dict[object, Any] = {}


def forget() -> None:
    verdicts.clear()
    pages.clear()


def kept(
    view: Callable[..., Any], *, audience: Any = "all", vary: Any = (), params: Any = ()
) -> Callable[..., Any]:
    """The view, served from the dict to all who have the same key."""
    page = _Page(audience, vary, params)
    if iscoroutinefunction(view):

        @wraps(view)
        async def answer(request: Any, *args: Any, **kwargs: Any) -> Any:
            key = page.key(request)
            if key in pages:
                return pages[key]
            with observing(request) as seen:
                response = await view(request, *args, **kwargs)
            return page.finish(request, key, seen, response)
    else:

        @wraps(view)
        def answer(request: Any, *args: Any, **kwargs: Any) -> Any:
            key = page.key(request)
            if key in pages:
                return pages[key]
            block = observing(request)
            seen = block.__enter__()
            try:
                response = view(request, *args, **kwargs)
            except BaseException:
                block.__exit__(None, None, None)
                raise
            return page.rendered(request, key, seen, block, response)

    answer.unhurried_page = page
    return answer


class _Page:
    def __init__(self, audience: Any, vary: Any, params: Any) -> None:
        self.audience, self.vary, self.params = audience, vary, params
        self.allowed: set[str] = set()

    def key(self, request: Any) -> object:
        words = [self._word(request, each) for each in (self.audience, *self.vary)]
        values = [tuple(request.GET.getlist(each)) for each in self.params]
        where = (request.scheme, request.get_host(), request.path)
        return (id(self), where, get_language(), *values, *words)

    def _word(self, request: Any, choice: Any) -> object:
        if callable(choice):
            value, names = called(choice, request)
            self.allowed |= names
            return value
        whole, _, name = choice.partition(":")
        words = {
            "user": lambda: request.user.pk,
            "session": lambda: request.session.session_key,
            "header": lambda: request.headers.get(name),
            "cookie": lambda: request.COOKIES.get(name),
            "all": lambda: None,
        }
        return words[whole]()

    def rendered(self, request: Any, key: object, seen: Any, block: Any, response: Any) -> Any:
        def finish(response: Any) -> Any:
            block.__exit__(None, None, None)
            return self.finish(request, key, seen, response)

        if getattr(response, "is_rendered", True):
            return finish(response)
        response.add_post_render_callback(finish)
        return response

    def finish(self, request: Any, key: object, seen: Any, response: Any) -> Any:
        choices = {"audience": self.audience, "vary": self.vary}
        missing = unproven(seen.touched, allowed=self.allowed, **choices)
        verdict = Verdict(seen.touched, missing, refusal(request, response, **choices))
        verdicts.append(verdict)
        if verdict.is_kept and set(request.GET) <= set(self.params):
            pages[key] = response
        return response
