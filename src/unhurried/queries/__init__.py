"""Rule 4: count queries, name the line to change, prove it::

from unhurried.queries import count_queries

with count_queries() as queries:
    client.get("/feed/")
print(queries.total, *queries.findings, sep="\\n")
"""

from ._allow import allow_queries
from ._budgets import no_queries, query_budget
from ._constant import ConstantQueries, constant_queries
from ._counting import count_queries
from ._finding import Finding
from ._refusals import QueriesGrew, QueryBudgetExceeded, QueryRefused, UnusedAllowance

__all__ = [
    "ConstantQueries",
    "Finding",
    "QueriesGrew",
    "QueryBudgetExceeded",
    "QueryRefused",
    "UnusedAllowance",
    "allow_queries",
    "constant_queries",
    "count_queries",
    "no_queries",
    "query_budget",
]
