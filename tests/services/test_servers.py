"""Each real server does what it is there for; the rooms' own tests build on this."""

import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

import psycopg
import pymemcache
import pytest
import redis
import whisper
from playwright.sync_api import sync_playwright

from tests import servers

WAIT_SECONDS = 15


def wait_for(condition, what):
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {WAIT_SECONDS} s: {what}"
        time.sleep(0.05)
    return found


def test_redis_keeps_a_value(redis_server):
    with redis.Redis(port=redis_server.port) as client:
        client.set("slow", "down", ex=60)
        assert client.get("slow") == b"down"


def test_memcached_keeps_a_value(memcached_server):
    client = pymemcache.Client((memcached_server.host, memcached_server.port))
    client.set("slow", b"down", noreply=False)
    assert client.get("slow") == b"down"
    client.close()


def test_postgres_answers(postgres_server):
    where = {"host": postgres_server.host, "port": postgres_server.port, "user": "postgres"}
    with psycopg.connect(**where) as connection:
        connection.execute("CREATE TEMPORARY TABLE book (title text)")
        connection.execute("INSERT INTO book VALUES ('Ünhurried')")
        assert connection.execute("SELECT title FROM book").fetchall() == [("Ünhurried",)]


def test_carbon_writes_what_whisper_reads(carbon_server):
    now = int(time.time())
    with socket.create_connection((carbon_server.host, carbon_server.port)) as line:
        line.sendall(f"shop.orders 42 {now}\n".encode())
    path = carbon_server.folder / "whisper/shop/orders.wsp"

    def values():
        return path.exists() and whisper.fetch(str(path), now - 5)[1]

    wait_for(lambda: 42 in (values() or []), f"the point in {path}")


def test_chromium_draws_a_page(chromium, tmp_path):
    picture = tmp_path / "page.png"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=servers.CHROMIUM_ARGS)
        page = browser.new_page(viewport={"width": 400, "height": 300})
        page.goto("data:text/html,<title>slow</title><p id=p>down")
        assert page.inner_text("#p") == "down"
        page.screenshot(path=picture)
        browser.close()
    header = picture.read_bytes()[:24]
    assert header.startswith(b"\x89PNG")
    assert struct.unpack(">II", header[16:]) == (400, 300)


@pytest.mark.parametrize("name", ["redis", "memcached", "postgres", "carbon"])
def test_no_server_outlives_a_killed_run(name):
    """kill -9 of the process that started it runs no `finally`; the server goes all the same."""
    code = f"""
import time
from tests import servers
with servers.{name}() as server:
    print(server.pid, server.folder, flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as run:
        pid, folder = run.stdout.readline().split()
        assert alive(pid)
        run.send_signal(signal.SIGKILL)
    wait_for(lambda: not alive(pid), f"the end of {name}, pid {pid}")
    shutil.rmtree(folder)


def test_a_missing_server_says_what_to_install(monkeypatch):
    monkeypatch.setattr(servers.shutil, "which", lambda *_, **__: None)
    monkeypatch.setattr(servers.glob, "glob", lambda *_: [])
    with pytest.raises(servers.ServerError, match=r"package 'graphite-carbon'.*make test-services"):
        servers.executable("carbon-cache")
    assert set(servers.missing_packages()) == set(servers.PACKAGES.values())


def test_a_server_that_fails_shows_its_log():
    wrong = servers.postgres("no_such_option=1")
    with pytest.raises(servers.ServerError, match=r"(?s)exited with 1.*no_such_option"), wrong:
        pass


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"  # a zombie is gone, unreaped
    except FileNotFoundError:
        return False
