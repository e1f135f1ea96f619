"""Waiting pages under gunicorn on PostgreSQL, in Chromium, behind Varnish, after ``kill -9``."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import run
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, sync_playwright

from tests import servers
from tests.servers import CHROMIUM_ARGS

from .edges import vcl

HTML = {"Accept": "text/html"}
ARTEFACTS = Path(__file__).resolve().parent.parent.parent / "artefacts"


class Site:
    def __init__(self, port: int, folder: Path) -> None:
        self.port, self.folder = port, folder
        self.url = f"http://127.0.0.1:{port}"

    def computed(self) -> list[tuple[int, float]]:
        path = self.folder / "computed"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(int(line.split()[0]), float(line.split()[1])) for line in lines]


def get(port: int, path: str, method: str = "GET", **headers: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        began = time.monotonic()
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        answer.first = time.monotonic() - began  # type: ignore[attr-defined]
        answer.text = answer.read().decode()  # type: ignore[attr-defined]
        return answer
    finally:
        connection.close()


def until(port: int, path: str, **headers: str) -> Any:
    deadline = time.monotonic() + 40
    while (answer := get(port, path, **headers)).status == 202:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer


@pytest.fixture
def site(postgres_server: Any, tmp_path: Path) -> Iterator[Site]:
    reach = {"host": postgres_server.host, "port": postgres_server.port, "user": "postgres"}
    name = f"hang_{os.getpid()}_{time.time_ns()}"
    with psycopg.connect(**reach, dbname="postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": name,
        "HOST": postgres_server.host,
        "PORT": postgres_server.port,
        "USER": "postgres",
    }
    root = Path(__file__).resolve().parent.parent.parent
    environment = {
        "HANG_FOLDER": str(tmp_path),
        "HANG_DATABASE": json.dumps(database),
        "PYTHONPATH": os.pathsep.join([str(root), str(root / "src")]),
    }
    code = "from tests.services.hang_site import prepare; prepare()"
    run([sys.executable, "-c", code], env=os.environ | environment, check=True)
    port = servers.free_port()
    told = [f"{name}={value}" for name, value in environment.items()]
    argv = ["/usr/bin/env", *told, sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}"]
    argv += ["--workers=2", "--threads=24", "--timeout=60", "tests.services.hang_site:application"]
    with servers._running(argv, port, tmp_path):
        yield Site(port, tmp_path)


def test_ten_seconds_begin_with_an_answer(site: Site) -> None:
    get(site.port, "/first/")
    second = get(site.port, "/slow/10/", **HTML)
    first = get(site.port, "/slow/100/", **HTML)
    sys.stdout.write(f"\na new process: {second.first * 1000:.0f} ms; then:")
    sys.stdout.write(f"\nfirst useful byte after {first.first * 1000:.0f} ms\n")
    assert (first.status, first.headers["Cache-Control"]) == (202, "no-store")
    assert first.first < 5 * 0.35
    answer = get(site.port, "/slow/100/", Accept="*/*")  # as curl: it waits for the end
    assert (answer.status, "AnonymousUser" in answer.text) == (200, True)
    assert len(site.computed()) == 2  # one of each


def test_two_hundred_wait_for_one_computation(site: Site) -> None:
    with ThreadPoolExecutor(200) as pool:
        answers = list(pool.map(lambda _: until(site.port, "/slow/30/", **HTML), range(200)))
    assert {answer.status for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert len(site.computed()) == 1


def test_a_killed_worker_is_replaced(site: Site) -> None:
    get(site.port, "/slow/20/", **HTML)
    deadline = time.monotonic() + 10
    while not site.computed():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(site.computed()[0][0], signal.SIGKILL)
    time.sleep(1)  # gunicorn starts another
    assert until(site.port, "/slow/20/", **HTML).status == 200
    (killed, before), (other, after) = site.computed()
    sys.stdout.write(f"\ntaken over after {after - before:.1f} s\n")
    assert killed != other


def test_two_users_never_see_each_others_result(site: Site) -> None:
    def of(name: str) -> str:
        cookie = get(site.port, f"/enter/{name}/").headers["Set-Cookie"].split(";")[0]
        return str(until(site.port, "/slow/10/", Cookie=cookie, **HTML).text)

    with ThreadPoolExecutor(2) as pool:
        ann, bob = pool.map(of, ["ann", "bob"])
    assert ("ann" in ann, "bob" in bob, len(site.computed())) == (True, True, 2)


def test_a_shared_cache_never_keeps_the_waiting_page(site: Site) -> None:
    with servers.varnish(vcl(site.port)) as edge:
        assert [get(edge.port, "/slow/20/", **HTML).status for _ in range(3)] == [202] * 3
        until(site.port, "/slow/20/", **HTML)
        answer = get(edge.port, "/slow/20/", **HTML)
    assert (answer.status, "AnonymousUser" in answer.text) == (200, True)


def visit(chromium: str, act: Callable[[Page, list[str]], Any], **how: Any) -> Any:
    def visiting() -> Any:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM_ARGS)
            page = browser.new_context(**how).new_page()
            said: list[str] = []
            page.on("console", lambda message: said.append(message.text))
            page.on("pageerror", lambda error: said.append(str(error)))
            try:
                return act(page, said)
            finally:
                browser.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(visiting).result()


@pytest.mark.parametrize("script", [True, False])
def test_a_browser_comes_to_the_result_and_back(site: Site, chromium: str, script: bool) -> None:
    def look(page: Page, said: list[str]) -> Any:
        page.goto(f"{site.url}/first/")
        page.goto(f"{site.url}/slow/40/")
        title = page.title()
        if script:
            page.wait_for_selector("progress[value] + p:not(:empty)")
        page.wait_for_selector("#result", timeout=20_000)
        late = time.time() - float(page.inner_text("#result").split()[1])
        page.go_back()
        return title, late, page.title(), said

    title, late, back, said = visit(chromium, look, java_script_enabled=script)
    sys.stdout.write(f"\nseen {late:.2f} s after it was done\n")
    assert (title, back) == ("Hang on…", "First")
    assert late < 5
    assert [line for line in said if "favicon" not in line and "404" not in line] == []
    assert len(site.computed()) == 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_it_fits_the_screen(site: Site, chromium: str, width: int, scheme: Any) -> None:
    def look(page: Page, said: list[str]) -> Any:
        page.goto(f"{site.url}/slow/30/")
        page.wait_for_selector("progress[value] + p:not(:empty)")
        ARTEFACTS.mkdir(exist_ok=True)
        page.screenshot(path=ARTEFACTS / f"hang-on-{width}-{scheme}.png")
        box: Any = page.locator("progress").bounding_box()
        return box["x"] + box["width"]

    size = {"width": width, "height": 600}
    assert visit(chromium, look, viewport=size, color_scheme=scheme) <= width
