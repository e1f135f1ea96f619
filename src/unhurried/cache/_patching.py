"""A class of Django's is wrapped only while somebody needs it, however many do at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock


class Patching:
    """``with patching():`` the first to come wraps, the last to leave unwraps."""

    def __init__(self, wrap: Callable[[], None], unwrap: Callable[[], None]) -> None:
        self._wrap, self._unwrap = wrap, unwrap
        self._lock, self._now = Lock(), 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        with self._lock:
            self._now += 1
            if self._now == 1:
                self._wrap()
        try:
            yield
        finally:
            with self._lock:
                self._now -= 1
                if self._now == 0:
                    self._unwrap()
