"""The delaying proxy of the fault bench."""

from __future__ import annotations

import socket
import threading
import time

from tests.faults.neighbours import READY, slow_network


def test_the_slow_network_counts_what_it_delays() -> None:
    """Each of thirty questions and the first part of its answer; those of connecting apart."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=echo, args=(listener,), daemon=True).start()
        with slow_network(listener.getsockname()[1], 0.003) as (port, delayed):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", port)) as asking:
                for question in [b"?" * 100] * 4 + [READY] + [b"?" * 100] * 29 + [READY]:
                    asking.sendall(question)
                    assert asking.recv(len(question), socket.MSG_WAITALL) == question
            took = time.monotonic() - began
    assert delayed.trips == 30
    assert delayed.connecting >= 5 * 0.006
    assert 30 * 0.006 <= delayed.seconds <= took - delayed.connecting


def echo(listener: socket.socket) -> None:
    end, _ = listener.accept()
    with end:
        while data := end.recv(100):
            end.sendall(data)
