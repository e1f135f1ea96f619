"""Rule 5: hug your DBA."""

from ._copy import CopyResult, Update, bulk_copy
from ._errors import CopyError, DbError

__all__ = ["CopyError", "CopyResult", "DbError", "Update", "bulk_copy"]
