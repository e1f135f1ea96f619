"""Whether this is a test whose end no thread of ours would hear of.

Django's runner takes the test's databases away and gives the aliases back to the site's own, and
nobody ends the threads before. So none begins: what waits is for the test to do. Our pytest plugin
ends them with each test.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

PLUGIN: Final = "unhurried.pytest_plugin"
_wanted = 0


def is_test() -> bool:
    """Django's test environment is set up, and nobody has asked for threads."""
    utils = sys.modules.get("django.test.utils")  # in production nobody has loaded it
    if utils is None or _wanted or PLUGIN in sys.modules:
        return False
    return hasattr(utils._TestState, "saved_data")


@contextmanager
def wanted() -> Iterator[None]:
    """Threads begin all the same; who asks for them ends them."""
    global _wanted
    _wanted += 1
    try:
        yield
    finally:
        _wanted -= 1
