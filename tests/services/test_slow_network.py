"""The delaying proxy of the fault bench."""

from __future__ import annotations

import socket
import threading
import time

from tests.faults.neighbours import slow_network


def test_the_slow_network_counts_what_it_delays() -> None:
    """Each of thirty questions and the first part of its answer, and nothing else."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        with slow_network(listener.getsockname()[1], 0.003) as (port, delayed):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", port)) as asking:
                for _ in range(30):
                    asking.sendall(b"?" * 100)
                    assert asking.recv(100, socket.MSG_WAITALL) == b"?" * 100
            took = time.monotonic() - began
    assert delayed.trips == 30
    assert 30 * 0.006 <= delayed.seconds <= took


def echo(listener: socket.socket) -> None:
    end, _ = listener.accept()
    with end:
        while data := end.recv(100):
            end.sendall(data)
