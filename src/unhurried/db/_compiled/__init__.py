"""``compiled(lambda …)``: a queryset that is built and compiled once, then bound and run.

``_param`` stands for an argument while the lambda runs, ``_trial`` runs it, ``_noted`` finds where
the arguments went, ``_bound`` what becomes of other values there; ``_variant`` is one statement,
``_family`` those of one kind of arguments, ``_compiled`` what people hold. ``_update_now`` is an
update of one row, by the same means.
"""

from ._compiled import Compiled, compiled
from ._update_now import aupdate_now, update_now

__all__ = ["Compiled", "aupdate_now", "compiled", "update_now"]
