"""``SQLManager``: statements in ``.sql`` files as typed methods of a manager.

``_tokens`` finds the placeholders, ``_file`` reads statements, ``_types`` says what the names in a
header are, ``_values`` makes values ready on the way in and out, ``_manager`` has the methods;
``_check`` and ``_prepared`` ask the database whether all of it fits.
"""

from ._manager import SQLManager

__all__ = ["SQLManager"]
