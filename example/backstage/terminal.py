"""Plain output: colour on a terminal only (NO_COLOR respected), whole lines anywhere else."""

import os
import shutil
from typing import TextIO

BOLD, DIM, ACCENT = "1", "2", "36"


class Terminal:
    """Writes lines; on a terminal it can write over the last block of them."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.live = out.isatty() and os.environ.get("TERM") != "dumb"
        self.colour = self.live and not os.environ.get("NO_COLOR")
        self._drawn = 0

    @property
    def width(self) -> int:
        return shutil.get_terminal_size().columns

    def paint(self, text: str, style: str) -> str:
        return f"\x1b[{style}m{text}\x1b[0m" if self.colour else text

    def say(self, text: str = "", style: str = "") -> None:
        self.out.write((self.paint(text, style) if style else text) + "\n")
        self.out.flush()

    def redraw(self, lines: list[str]) -> None:
        """Write ``lines`` over those of the last call; elsewhere than on a terminal, add them."""
        if self._drawn:
            self.out.write(f"\x1b[{self._drawn}A\x1b[J")
        for line in lines:
            self.say(line)
        self._drawn = len(lines) if self._can_go_back(lines) else 0

    def settle(self) -> None:
        """What was drawn stays: the next block comes below it."""
        self._drawn = 0

    def _can_go_back(self, lines: list[str]) -> bool:
        # The cursor cannot climb to lines that have scrolled away.
        return self.live and len(lines) < shutil.get_terminal_size().lines
