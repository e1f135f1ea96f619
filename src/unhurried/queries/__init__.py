"""Rule 4: count queries, name the line to change, prove it::

from unhurried.queries import count_queries

with count_queries() as queries:
    client.get("/feed/")
print(queries.total, *queries.findings, sep="\\n")

Inside: ``_sql`` what a statement says, ``_find`` who asks and what to change, ``_edit`` the change
as a diff, ``_prove`` the page asked again with it, ``_budget`` how many may be asked, ``_live``
what production sees.
"""

from ._budget._allow import allow_queries
from ._budget._budgets import no_queries, query_budget
from ._budget._constant import ConstantQueries, constant_queries
from ._budget._refusals import QueriesGrew, QueryBudgetExceeded, QueryRefused, UnusedAllowance
from ._find._counting import count_queries
from ._find._finding import Finding

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
