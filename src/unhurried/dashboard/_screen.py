"""The alternate screen of a terminal, keys unbuffered; whatever happens, it is left as it was."""

from __future__ import annotations

import os
import select
import signal
from types import FrameType, TracebackType
from typing import Any, Final, TextIO

try:
    import termios
    import tty
except ImportError:  # not a POSIX system; the store says so long before
    termios = tty = None  # type: ignore[assignment]

ENTER: Final = "\x1b[?1049h\x1b[?25l"
LEAVE: Final = "\x1b[?25h\x1b[?1049l"
CUT: Final = "\x1b[?7l"  # a line that is too long for a terminal just made narrower is not wrapped
WRAP: Final = "\x1b[?7h"
DEADLY: Final = ("SIGINT", "SIGTERM", "SIGHUP")
CTRL_C: Final = "\x03"


class Screen:
    """``with Screen(sys.stdin, sys.stdout) as screen: screen.show(lines, rows)``"""

    def __init__(self, keys: TextIO, out: TextIO) -> None:
        self.keys, self.out = keys, out
        self._saved: list[Any] = []
        self._handlers: dict[int, Any] = {}
        self._told = 0

    def __enter__(self) -> Screen:
        descriptor = self.keys.fileno()
        self._saved = termios.tcgetattr(descriptor)
        for name in DEADLY:
            number = getattr(signal, name)
            self._handlers[number] = signal.signal(number, self._tell)
        self._write(ENTER + CUT)
        tty.setcbreak(descriptor)
        self._forbid_stopping(descriptor)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        termios.tcsetattr(self.keys.fileno(), termios.TCSADRAIN, self._saved)
        self._write(WRAP + LEAVE)
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    def _forbid_stopping(self, descriptor: int) -> None:
        """Ctrl-Z would leave the shell on the alternate screen."""
        state = termios.tcgetattr(descriptor)
        state[6][termios.VSUSP] = b"\0"
        termios.tcsetattr(descriptor, termios.TCSANOW, state)

    def show(self, lines: list[str], rows: int) -> None:
        """Paint over what is there: nothing flickers."""
        self._write(
            "\x1b[H" + "".join(f"{line}\x1b[K\r\n" for line in lines[: rows - 1]) + "\x1b[J"
        )

    def key(self, seconds: float) -> str:
        """The next key, or an empty string when there is none in time."""
        descriptor = self.keys.fileno()
        ready, _, _ = select.select([descriptor], [], [], seconds)
        if self._told == signal.SIGINT:
            return CTRL_C
        if self._told:
            raise SystemExit(128 + self._told)
        if not ready:
            return ""
        pressed = os.read(descriptor, 32).decode(errors="replace")
        if not pressed:
            raise SystemExit(0)  # the terminal has gone
        return pressed if len(pressed) > 1 and pressed[0] == "\x1b" else pressed[0]

    def _tell(self, number: int, frame: FrameType | None) -> None:
        """Asked to leave. Not by raising: that may happen in a finalizer, where it is lost."""
        self._told = number

    def _write(self, text: str) -> None:
        self.out.write(text)
        self.out.flush()
