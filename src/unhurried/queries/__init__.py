"""Rule 4: count queries, name the line to change, prove it::

from unhurried.queries import count_queries

with count_queries() as queries:
    client.get("/feed/")
print(queries.total, *queries.findings, sep="\\n")
"""

from ._counting import count_queries
from ._finding import Finding

__all__ = ["Finding", "count_queries"]
