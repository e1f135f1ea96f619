"""The verdict: where a page's time goes, what to change, and the proof::

from unhurried.diagnose import diagnose

report = diagnose("/feed/", user="jacob")
print(report.queries, *report.findings, sep="\\n")

For commands and tests, never inside a request: a page is asked for real and everything undone.

Without a URL it is the verdict over what was measured, which asks nothing of the site::

    verdict = diagnose(minutes=10)
    print(verdict.said, *(cause.title for cause in verdict.findings), sep="\\n")
"""

from ._diagnose import diagnose
from ._report import DiagnoseError, Report
from ._verdict import Cause, Promise, Verdict

__all__ = ["Cause", "DiagnoseError", "Promise", "Report", "Verdict", "diagnose"]
