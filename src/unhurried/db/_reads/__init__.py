"""Reading rows: as instances, as classes of your own.

``_shape`` says what a compiled query gives, ``_sound`` whether instances may be made without their
``__init__``, ``_values`` how a value of the database becomes Python's, ``_code`` writes the loop,
``_loads`` keeps it, ``_fetch`` asks the database, ``_found`` is what people hold, ``_querysets``
knows whose rows a queryset gives, ``_instances`` and ``_into`` are the calls.
"""

from ._found import Found
from ._instances import instances
from ._into import rows

__all__ = ["Found", "instances", "rows"]
