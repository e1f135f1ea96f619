"""``bulk_copy``: rows into a table.

``_rows`` reads what is given, ``_stock`` knows who wants instances made, ``_columns`` says what is
stored, ``_plan`` makes it ready, ``_roads`` knows who sends it, ``_load`` is the loop around them.
"""

from ._async import abulk_copy
from ._conflict import Update
from ._copy import CopyResult, bulk_copy

__all__ = ["CopyResult", "Update", "abulk_copy", "bulk_copy"]
