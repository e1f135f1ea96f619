"""``make demo``: a slow site, seeded, served, visited and measured, until Ctrl-C.

SECONDS_OF_TRAFFIC  how long it is visited (15)
PORT                where it is served (any free port)
PINSTA_DATA         folder for its data (example/var)
ONCE                1: stop after the table, as it does when its output is no terminal
"""

import os
import signal
import sys

from backstage.errors import DemoError
from backstage.setup import Wishes, claim, require_packages, start_django
from backstage.terminal import Terminal


def main() -> int:
    """Run the demo; the exit code."""
    end_on_signals()
    screen = Terminal(sys.stdout)
    try:
        return demo(screen)
    except DemoError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        screen.say("\nStopped.")
        return 130
    except BrokenPipeError:
        # Whoever read us has gone; Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def end_on_signals() -> None:
    """Turn signals into exceptions, so that every ``with`` is left in order."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup stays nohup
            signal.signal(number, lambda number, _: sys.exit(128 + number))


def demo(screen: Terminal) -> int:
    """Set up, then hand over to the part that needs Django running."""
    wishes = Wishes.from_environment()
    require_packages()
    with claim() as folder:
        start_django()
        from backstage.show import show

        show(screen, folder, wishes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
