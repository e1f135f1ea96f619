"""A history without waiting for it: samples ten seconds apart, written when a test says so."""

from __future__ import annotations

import time

from unhurried.measure import _history, reading


class Samples:
    def __init__(self, minutes: float = 5.0) -> None:
        self.at = time.time() - 60 * minutes
        self.writer: _history.History | None = None

    def write(self) -> None:
        self.at += 10
        if self.writer is None:
            self.writer = _history.History(reading.folder() / f"v{reading.VERSION}")
        self.writer.sample(self.at)

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()
