"""What the rooms above may use of this one. Not for sites: their list is in ``__init__``."""

from ._edit._diff import combined
from ._find._counting import Queries
from ._find._finding import Finding
from ._find._frames import frames, walk
from ._find._origin import track_everywhere, tracking
from ._find._trials import Injection
from ._live._proofs import load as proven
from ._live._proofs import save as keep_proofs
from ._live._waterfall import Bar, Waterfall
from ._live._waterfall import load as waterfall
from ._prove._proof import applied, prove, prove_url
from ._prove._replay import Page, ReplayError, replay
from ._prove._sandbox import InRequestError
from ._sql._fingerprint import fingerprint
from ._sql._lexer import ANY as ANY_LEXER
from ._sql._lexer import BY_VENDOR as LEXERS
from ._sql._lexer import _end_of_nested as end_of_comment
from ._sql._tie import cursor, key, key_of_postgresql

__all__ = [
    "ANY_LEXER",
    "LEXERS",
    "Bar",
    "Finding",
    "InRequestError",
    "Injection",
    "Page",
    "Queries",
    "ReplayError",
    "Waterfall",
    "applied",
    "combined",
    "cursor",
    "end_of_comment",
    "fingerprint",
    "frames",
    "keep_proofs",
    "key",
    "key_of_postgresql",
    "prove",
    "prove_url",
    "proven",
    "replay",
    "track_everywhere",
    "tracking",
    "walk",
    "waterfall",
]
