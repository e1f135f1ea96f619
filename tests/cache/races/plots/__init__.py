"""The scenarios, by what they are about."""

from ..stage import SCENARIOS
from . import doubt, late, nesting, serving, snapshots, transactions

__all__ = ["SCENARIOS", "doubt", "late", "nesting", "serving", "snapshots", "transactions"]
