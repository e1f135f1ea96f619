"""Rule 5: hug your DBA.

The fast roads of the database you have, from Django's own model definitions::

    from unhurried.db import bulk_copy

    bulk_copy(Book, rows, fields=["title", "pages"])

Rows of any kind go in by COPY on PostgreSQL, by ``executemany`` on SQLite, and are what
``bulk_create`` would have stored; who can't be stored is named.
"""

from ._compiled import aupdate_now, compiled, update_now
from ._copy import CopyResult, Update, abulk_copy, bulk_copy
from ._errors import CopyError, DbError
from ._json import ajson_bytes, json_bytes
from ._reads import Found, instances, rows
from ._sql import SQLManager

__all__ = [
    "CopyError",
    "CopyResult",
    "DbError",
    "Found",
    "SQLManager",
    "Update",
    "abulk_copy",
    "ajson_bytes",
    "aupdate_now",
    "bulk_copy",
    "compiled",
    "instances",
    "json_bytes",
    "rows",
    "update_now",
]
