"""What a page was made from besides data: who asked, and with what. Observed, never guessed.

``observing`` notes what of a request is looked at, and where; ``unproven`` says what of it is not
in the key; ``refusal`` whether the response itself forbids that it is kept.
"""

from ._carried import carried
from ._contexts import visitor_in
from ._observing import apart, called, observing
from ._previews import is_preview
from ._proven import IN_EACH_PAGE, unproven, way_out
from ._storable import members, refusal, varies
from ._watch import Observation

__all__ = [
    "IN_EACH_PAGE",
    "Observation",
    "apart",
    "called",
    "carried",
    "is_preview",
    "members",
    "observing",
    "refusal",
    "unproven",
    "varies",
    "visitor_in",
    "way_out",
]
