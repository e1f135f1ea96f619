"""How far a long command is: a bar on a terminal, a line per part anywhere else."""

import shutil
from typing import Protocol


class Output(Protocol):
    """What is written to: a stream, or a command's ``stdout``."""

    def write(self, text: str, /) -> object: ...
    def flush(self) -> object: ...
    def isatty(self) -> bool: ...


class Progress:
    """``advance`` as rows are done; ``part`` when a part of them is whole."""

    def __init__(self, out: Output, total: int) -> None:
        self.out, self.total, self.done = out, total, 0
        self.live = out.isatty()

    def advance(self, rows: int, name: str) -> None:
        self.done += rows
        if self.live:
            self._draw(name)

    def part(self, name: str, rows: int) -> None:
        if not self.live:
            self.out.write(f"{rows:>9,}  {name}\n")
            self.out.flush()

    def close(self) -> None:
        """Take the bar away, so that what follows starts on a clean line."""
        if self.live:
            self.out.write("\r\x1b[K")
            self.out.flush()

    def _draw(self, name: str) -> None:
        share = min(self.done / self.total, 1)
        room = max(shutil.get_terminal_size().columns - len(name) - 10, 4)
        full = round(share * min(room, 40))
        bar = "█" * full + "░" * (min(room, 40) - full)
        self.out.write(f"\r{bar} {share:4.0%} {name}\x1b[K")
        self.out.flush()
