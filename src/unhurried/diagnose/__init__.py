"""The verdict: where a page's time goes, what to change, and the proof::

from unhurried.diagnose import diagnose

report = diagnose("/feed/", user="jacob")
print(report.queries, *report.findings, sep="\\n")

For commands and tests, never inside a request: a page is asked for real and everything undone.
"""

from ._diagnose import diagnose
from ._report import DiagnoseError, Report

__all__ = ["DiagnoseError", "Report", "diagnose"]
