"""Where the tokens of tags lie, and what becomes of those that could not be renewed."""

from ._embedded import Embedded
from ._home import Home, home_of, home_of_tag, homes
from ._problems import problems, server_problems
from ._spool import failed, figures, pending, retry

__all__ = [
    "Embedded",
    "Home",
    "failed",
    "figures",
    "home_of",
    "home_of_tag",
    "homes",
    "pending",
    "problems",
    "retry",
    "server_problems",
]
