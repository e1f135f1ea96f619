"""``compiled(lambda …)``: a queryset that is built and compiled once, then bound and run.

``_param`` stands for an argument while the lambda runs, ``_trial`` runs it, ``_bound`` finds where
the arguments went and what becomes of their values there, ``_variant`` is one statement,
``_compiled`` what people hold. ``_update_now`` is an update of one row, by the same means.
"""

from ._compiled import Compiled, compiled
from ._update_now import aupdate_now, update_now

__all__ = ["Compiled", "aupdate_now", "compiled", "update_now"]
