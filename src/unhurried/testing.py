"""For a site's own tests: measure into a folder of one's own, and raise what production counts."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from django.test.utils import override_settings

from unhurried.conf import given
from unhurried.later.reading import background

__all__ = ["background", "override"]


@contextmanager
def override(**settings: Any) -> Iterator[None]:
    """Set keys of ``UNHURRIED`` for a while, with ``STRICT`` on unless it is given.

    Without ``STORE`` the measurements go to a temporary folder that is removed afterwards::

        with override():
            client.get("/feed/")
            assert snapshot()["routes"]["feed/"]["queries"]["max"] < 20
    """
    with ExitStack() as stack:
        if "STORE" not in settings:
            # The thread that writes the history may be in the middle of it.
            folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
            settings["STORE"] = stack.enter_context(folder)
        stack.enter_context(override_settings(UNHURRIED={**given(), "STRICT": True, **settings}))
        yield
