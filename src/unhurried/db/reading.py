"""What the command asks this room for."""

from ._sql._check import Checked, Finding, check, managers

__all__ = ["Checked", "Finding", "check", "managers"]
