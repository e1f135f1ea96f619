"""``SQLManager``: files of SQL as typed methods, and what ``sqlcheck`` asks of a database.

``_lexer`` tells placeholders from data, ``_file`` takes a file apart, ``_head`` reads a header,
``_names`` and ``_types`` say what its annotations mean, ``_statement`` is one of them, ready to
run; ``_values`` and ``_rows`` stand between the driver and Python, ``_run`` is a call,
``_manager`` the class. ``_check`` compares all that with what a database says that is asked by
``_ask_postgresql`` or ``_ask_sqlite``.
"""

from ._manager import SQLManager

__all__ = ["SQLManager"]
