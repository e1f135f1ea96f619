"""The report, for which nobody looks at an empty window: it is made once, and who waits is told."""

from reports.fixed import yearly_report as fixed
from unhurried.cache import cached_page
from unhurried.later import hang_on

# What is kept stands below: the report is made for all, and each gets it in a frame of their own.
yearly_report = hang_on(after=0.3, keep=10)(cached_page(600)(fixed))
