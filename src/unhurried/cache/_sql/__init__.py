"""Which tables a statement reads and writes: exact or a superset, or everything."""

from ._catalogue import Catalogue, read_catalogue, unknown_catalogue
from ._scanner import OURS, tables_of
from ._tables import EVERYTHING, Tables
from ._words import folded

__all__ = [
    "EVERYTHING",
    "OURS",
    "Catalogue",
    "Tables",
    "folded",
    "read_catalogue",
    "tables_of",
    "unknown_catalogue",
]
