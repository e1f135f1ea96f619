"""What is to be done later lies in tables, written in the caller's own transaction.

Who works it off, and when, is another matter: see ``_kick`` for how somebody is asked to, and
``_sweep`` for what happens if that was in vain.
"""

from ._journal import journal

__all__ = ["journal"]
