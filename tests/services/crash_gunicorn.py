"""gunicorn's configuration: it notes the most workers that ever lived at once.

It is read anew at each reload, so what it remembers hangs on the server.
"""

import os
from pathlib import Path


def pre_fork(server, worker):
    living = vars(server).setdefault("living", [])
    living.append(worker)
    server.peak = max(vars(server).get("peak", 0), len(living))
    Path(os.environ["CRASH_FOLDER"], "peak").write_text(str(server.peak))


def child_exit(server, worker):
    server.living.remove(worker)
