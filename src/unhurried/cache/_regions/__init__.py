"""The picture of a page: which of its regions are for everybody, and what the others have read.

``record`` observes one request; ``regions_of`` says what of the page came of what; ``marked`` puts
comments around each region; ``verdict_of`` says it in a line, with the remedy.
"""

from ._layout import Region, as_dict, mark_for, marked, regions_of
from ._markup import Solids
from ._recorder import Recorder, begin, finish, record
from ._verdict import Verdict, verdict_of

__all__ = [
    "Recorder",
    "Region",
    "Solids",
    "Verdict",
    "as_dict",
    "begin",
    "finish",
    "mark_for",
    "marked",
    "record",
    "regions_of",
    "verdict_of",
]
