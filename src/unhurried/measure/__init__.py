"""Rule 1: measure everything.

The middleware measures each route by itself. What only you can name, you name::

    from unhurried.measure import counter, timer

    counter("orders").increment()
    with timer("thumbnail"):
        ...
"""

from ._errors import StoreError
from ._instruments import counter, gauge, histogram, meter, timer
from ._snapshot import snapshot
from ._units import measured

__all__ = [
    "StoreError",
    "counter",
    "gauge",
    "histogram",
    "measured",
    "meter",
    "snapshot",
    "timer",
]
