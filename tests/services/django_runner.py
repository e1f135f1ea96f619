"""What ``django_suite`` puts into the run of Django's tests: us, and what became of each test."""

from __future__ import annotations

import json
import os
import traceback
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import TextTestResult

from django.test.runner import DiscoverRunner

from unhurried.measure import measured
from unhurried.measure._probes import sql
from unhurried.queries import count_queries
from unhurried.queries.reading import track_everywhere


class Ours:
    """Everything of ours that stands in the way of a statement or of an instance."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()
        self.broken: dict[str, str] = {}
        self._block = ExitStack()
        self._queries: Any = None

    @property
    def installed(self) -> bool:
        return self._queries is not None

    def install(self) -> None:
        sql.install()
        track_everywhere()
        measured("django").__enter__()
        self.renew()

    def renew(self) -> None:
        self._block.close()
        self._queries = self._block.enter_context(count_queries())

    def judge(self, test: str) -> None:
        """What the block has to say, and that it can say it."""
        try:
            found = self._queries.findings
            json.dumps([(finding.as_dict(), str(finding)) for finding in found])
        except Exception:  # boundary: listed under the test's name
            self.broken[test] = traceback.format_exc()
        else:
            self.seen.update(finding.kind for finding in found)
            self.seen["tests with findings"] += bool(found)
        self.seen["queries"] += self._queries.total
        self.seen["origins"] += len(self._queries._roots)


ours = Ours()


class Result(TextTestResult):
    """What became of each test: the worst of its subtests."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.outcomes: dict[str, str] = {}

    def _note(self, test: Any, outcome: str) -> None:
        self.outcomes[test.id()] = outcome

    def stopTest(self, test: Any) -> None:  # noqa: N802 - unittest's names
        super().stopTest(test)
        if ours.installed:
            ours.judge(test.id())
            ours.renew()

    def addSuccess(self, test: Any) -> None:  # noqa: N802
        super().addSuccess(test)
        self.outcomes.setdefault(test.id(), "passed")

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addFailure(test, err)
        self._note(test, "failed")

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addError(test, err)
        self._note(test, "failed")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, "failed")

    def addSkip(self, test: Any, reason: str) -> None:  # noqa: N802
        super().addSkip(test, reason)
        self._note(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        super().addExpectedFailure(test, err)
        self._note(test, "failed as expected")

    def addUnexpectedSuccess(self, test: Any) -> None:  # noqa: N802
        super().addUnexpectedSuccess(test)
        self._note(test, "passed unexpectedly")


class Runner(DiscoverRunner):
    def get_resultclass(self) -> type[Result]:
        return Result

    def run_suite(self, suite: Any, **kwargs: Any) -> Result:
        result: Result = super().run_suite(suite, **kwargs)
        report = {"outcomes": result.outcomes, "seen": ours.seen, "broken": ours.broken}
        Path(os.environ["SUITE_REPORT"]).write_text(json.dumps(report, indent=0))
        return result
