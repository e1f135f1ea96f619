"""Write-behind counters: what is added waits in the process, and is applied by the batch.

``_target`` is what is counted, ``_counts`` what waits, ``_ledger`` who flushes it and when,
``_ledgers`` those of a process from its fork to its end, ``_flush`` the transaction, with its
``_watermark`` and its ``_updates``; ``_value`` reads, ``_commit`` is the grade that loses nothing.
"""

from ._tally import Tally

__all__ = ["Tally"]
