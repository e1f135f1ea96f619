"""``json_bytes``: a JSON array of objects, built in the database.

``_plan`` says which columns an object is made of, ``_relations`` what a nested name leads to,
``_told`` what a column becomes in SQL, ``_sql`` puts that together, ``_json`` is the call, and
``_python`` the road where SQL would say it differently.
"""

from ._json import ajson_bytes, json_bytes

__all__ = ["ajson_bytes", "json_bytes"]
