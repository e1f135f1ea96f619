"""What ``query_budget``, ``no_queries`` and ``allow_queries`` share: a block, or what is decorated.

A page is often not done when its view returns: a coroutine is awaited, a TemplateResponse rendered,
a stream read. So what watches a call can be left and entered again, until there is nothing left.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from functools import wraps
from inspect import isasyncgenfunction, iscoroutine, isgeneratorfunction
from types import FrameType, TracebackType
from typing import Any, TypeVar

from asgiref.sync import iscoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from unhurried.conf import settings
from unhurried.measure import reading as measure

F = TypeVar("F", bound=Callable[..., Any])


class Watch:
    """One call, or one run of a block."""

    def active(self) -> AbstractContextManager[Any]:
        """Watch what runs inside; may be entered again after it was left."""
        raise NotImplementedError

    def settle(self, result: Any = None) -> None:
        """All is done: raise or report what was too much."""

    def failed(self, error: BaseException) -> None:
        """Something else was raised, and goes on."""


class Nothing(Watch):
    """Watches nothing."""

    @contextmanager
    def active(self) -> Iterator[None]:
        yield


_opened: ContextVar[tuple[tuple[Watch, AbstractContextManager[Any]], ...]] = ContextVar(
    "unhurried_blocks", default=()
)


class Block:
    """A context manager, also inside async code, and a decorator of functions and views."""

    def _watch(self, frame: FrameType, args: tuple[Any, ...] = ()) -> Watch:
        raise NotImplementedError

    def __enter__(self) -> None:
        watch = self._watch(sys._getframe(1))
        manager = watch.active()
        manager.__enter__()
        _opened.set((*_opened.get(), (watch, manager)))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        *outer, (watch, manager) = _opened.get()
        _opened.set(tuple(outer))
        manager.__exit__(kind, error, trace)
        if error is None:
            watch.settle()
        else:
            watch.failed(error)

    def __call__(self, function: F) -> F:
        refuse_what_cannot_be_decorated(function, type(self).__name__)
        if iscoroutinefunction(function):

            @wraps(function)
            async def inner_async(*args: Any, **kwargs: Any) -> Any:
                watch = self._watch(sys._getframe(), args)
                with _within(watch):
                    result = await function(*args, **kwargs)
                return _follow(watch, result)

            return inner_async  # type: ignore[return-value]

        @wraps(function)
        def inner(*args: Any, **kwargs: Any) -> Any:
            watch = self._watch(sys._getframe(), args)
            with _within(watch):
                result = function(*args, **kwargs)
            return _follow(watch, result)

        return inner  # type: ignore[return-value]


def refuse_what_cannot_be_decorated(function: object, name: str) -> None:
    """Generators yield into code that is none of theirs; classes have several ways in."""
    if isinstance(function, type):
        raise TypeError(
            f"@{name} decorates functions; for the class {function.__qualname__} use "
            f"@method_decorator({name}(…), name='dispatch')."
        )
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        raise TypeError(
            f"@{name} would be over once the generator {function.__qualname__} is made; "
            "decorate what reads it."
        )
    if not callable(function):
        raise TypeError(f"@{name} decorates functions, not {function!r}.")


@contextmanager
def _within(watch: Watch) -> Iterator[None]:
    try:
        with watch.active():
            yield
    except BaseException as error:
        watch.failed(error)
        raise


def _follow(watch: Watch, result: Any) -> Any:
    """Settle now, or once what was returned is done."""
    if iscoroutine(result):  # a class-based async view: its dispatch is a plain function
        return _awaited(watch, result)
    if isinstance(result, HttpResponseBase):
        if result.streaming and getattr(result, "file_to_stream", None) is None:
            return _streamed(watch, result)
        if not getattr(result, "is_rendered", True):
            return _rendered(watch, result)
    watch.settle(result)
    return result


async def _awaited(watch: Watch, coroutine: Any) -> Any:
    with _within(watch):
        result = await coroutine
    return _follow(watch, result)


def _rendered(watch: Watch, response: Any) -> Any:
    render = response.render

    def watched() -> Any:
        # Before anything may want to pickle it; one wrapped around this one was here before us.
        vars(response).pop("render", None)
        with _within(watch):
            done = render()
        watch.settle(done)
        return done

    response.render = watched
    return response


def _streamed(watch: Watch, response: Any) -> Any:
    chunks = response.streaming_content
    response.streaming_content = (_asteps if response.is_async else _steps)(watch, chunks)
    return response


def _steps(watch: Watch, chunks: Iterator[bytes]) -> Iterator[bytes]:
    while True:
        with _within(watch):
            chunk = next(chunks, None)
        if chunk is None:
            return watch.settle()
        yield chunk


async def _asteps(watch: Watch, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        with _within(watch):
            chunk = await anext(chunks, None)
        if chunk is None:
            watch.settle()
            return
        yield chunk


RAISE, REPORT, IGNORE = "raise", "report", "ignore"


def mode(args: tuple[Any, ...]) -> str:
    """Raise in tests and under STRICT; in production only report, from what is counted anyway.

    STRICT is never guessed, so a block of plain code in which nothing is measured raises, too. A
    view never does without it: a page is not broken for having asked too much.
    """
    if settings.STRICT:
        return RAISE
    if measure.current.get() is not None:
        return REPORT
    if not settings.MEASURE or measure.failure() is not None or _is_view(args):
        return IGNORE
    return RAISE


def _is_view(args: tuple[Any, ...]) -> bool:
    return any(isinstance(arg, HttpRequest) for arg in args[:2])
