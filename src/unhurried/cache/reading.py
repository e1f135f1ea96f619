"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._functions._fragment import do_cached
from ._install import install
from ._pages._key import PICTURE
from ._regions import (
    Recorder,
    Region,
    Verdict,
    as_dict,
    begin,
    finish,
    mark_for,
    marked,
    record,
    regions_of,
    verdict_of,
)
from ._warm import Warmed, warm
from ._why._answer import Tie, Why, hint_of
from ._why._asking import all_of_it, why

__all__ = [
    "PICTURE",
    "Recorder",
    "Region",
    "Tie",
    "Verdict",
    "Warmed",
    "Why",
    "all_of_it",
    "as_dict",
    "begin",
    "do_cached",
    "finish",
    "hint_of",
    "install",
    "mark_for",
    "marked",
    "record",
    "regions_of",
    "verdict_of",
    "warm",
    "why",
]
