"""Who costs most: bounds that hold, addresses that nobody forges, nothing of them that is kept."""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from array import array
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import AsyncClient, Client, override_settings
from django.urls import path
from hypothesis import given
from hypothesis import strategies as st

from tests.measure.children import in_child
from unhurried import checks
from unhurried.measure import _clients, _moments, _paths, _store, snapshot
from unhurried.measure import _layout as L
from unhurried.measure._addresses import behind, parse, text
from unhurried.measure._clients import Clients
from unhurried.measure._errors import StoreError
from unhurried.measure._labels import client_hash, client_label
from unhurried.measure._units import finish, start
from unhurried.measure.reading import moment, since, window
from unhurried.testing import override

KEY = bytes(range(32))
SECOND = 1_000_000_000
PUBLIC = "203.0.113.7"


def lanes() -> memoryview:
    return memoryview(array("Q", bytes(8 * L.GROUPS["client"].words)))


def table(memory: memoryview) -> dict[int, list[int]]:
    """By client, the other lanes; no client twice."""
    width, found = len(L.CLIENT), {}
    for at in range(0, len(memory), width):
        client, *rest = memory[at : at + width].tolist()
        if client:
            assert client not in found
            found[client] = rest
    return found


# Space-Saving.

streams = st.lists(
    st.tuples(st.integers(1, 150), st.integers(1, 1000), st.sampled_from([200, 404, 503])),
    max_size=600,
)


def follow(stream: list[tuple[int, int, int]]) -> dict[int, list[int]]:
    memory = lanes()
    clients = Clients(KEY, memory)
    for client, cost, status in stream:
        clients.add(client, cost, status)
    return table(memory)


@given(streams)
def test_no_cost_is_too_low_and_none_too_high_by_more_than_a_64th(stream: Any) -> None:
    exact: Counter[int] = Counter()
    for client, cost, _ in stream:
        exact[client] += cost
    total, found = exact.total(), follow(stream)
    assert sum(cost for cost, *_ in found.values()) == total, "what is put out is inherited"
    for client, (cost, error, *_) in found.items():
        assert cost - error <= exact[client] <= cost
        assert error <= total / L.CLIENTS
    dear = {client for client, cost in exact.items() if cost > total / L.CLIENTS}
    assert dear <= found.keys()


@given(streams)
def test_requests_are_counted_since_he_has_come(stream: Any) -> None:
    few = [each for each in stream if each[0] <= L.CLIENTS]
    found = follow(few)
    assert {client: tuple(lanes[2:4]) for client, lanes in found.items()} == {
        client: (
            sum(each[0] == client for each in few),
            sum(each[0] == client and each[2] >= 400 for each in few),
        )
        for client, _, _ in few
    }


@given(streams, streams)
def test_merged_over_processes_the_bound_is_the_sum_s(one: Any, other: Any) -> None:
    exact: Counter[int] = Counter()
    for client, cost, _ in one + other:
        exact[client] += cost
    parts = [follow(one), follow(other)]
    absent = [min((c for c, *_ in p.values()), default=0) if len(p) == 64 else 0 for p in parts]
    for client, cost in exact.items():
        told = sum(part.get(client, [0])[0] for part in parts)
        missed = sum(least for part, least in zip(parts, absent, strict=True) if client not in part)
        assert told - exact.total() / L.CLIENTS <= cost <= told + missed


@pytest.mark.long
def test_a_million_addresses_take_no_more_memory() -> None:
    memory = lanes()
    clients = Clients(KEY, memory)
    for n in range(1_000_000):
        meta = {"REMOTE_ADDR": f"198.{n >> 16 & 127}.{n >> 8 & 255}.{n & 255}"}
        clients.add(clients.of(meta), 100, 200)
        if n % 10 == 0:  # one visitor among them
            clients.add(clients.of({"REMOTE_ADDR": PUBLIC}), 100, 200)
    assert len(clients._known) <= _clients.REMEMBERED
    assert len(clients._places) == len(clients._heap) == L.CLIENTS
    assert len(table(memory)) == L.CLIENTS
    me = clients.of({"REMOTE_ADDR": PUBLIC})
    assert max(table(memory).items(), key=lambda item: item[1][0])[0] == me
    cost, error, requests, *_ = table(memory)[me]
    assert (cost - error, requests) == (10_000_000, 100_000)


def test_who_has_not_come_for_an_hour_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1_000_000]
    monkeypatch.setattr(_clients, "time", lambda: now[0])
    memory = lanes()
    clients = Clients(KEY, memory)
    for client in range(1, 65):
        clients.add(client, 10**9, 200)
    now[0] += _clients.IDLE
    clients.add(7, 1, 200)
    now[0] += 1
    clients.add(100, 5, 200)
    assert set(table(memory)) == {7, 100}
    assert table(memory)[100][:3] == [5, 0, 1]
    assert table(memory)[7][0] == 10**9 + 1


def test_the_next_process_goes_on_from_there() -> None:
    memory = lanes()
    clients = Clients(KEY, memory)
    for client in range(1, 100):
        clients.add(client, client, 200)
    before = table(memory)
    again = Clients(KEY, memory)
    assert table(memory) == before
    again.add(99, 1, 200)
    assert table(memory)[99][0] == before[99][0] + 1


def test_one_that_was_killed_in_the_middle_leaves_nobody_twice() -> None:
    memory = lanes()
    clients = Clients(KEY, memory)
    for client in range(1, 65):
        clients.add(client, 10, 200)
    memory[0] = 0  # who was to be put out is gone, the newcomer is not there yet
    memory[len(L.CLIENT)] = memory[2 * len(L.CLIENT)]
    again = Clients(KEY, memory)
    again.add(1000, 5, 200)
    again.add(1001, 6, 200)
    assert table(memory)[1000][:3] == [5, 0, 1]
    assert len(table(memory)) == 64


# Addresses.


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7 ", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:80", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:443", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9%eth0", "2001:db8:1:2::/64"),
        ("", ""),
        ("unknown", ""),
        ("203.0.113", ""),
        ("203.0.113.256", ""),
        ("203.0.113.7\0", ""),
        ("[", ""),
        ("[]:80", ""),
        (":", ""),
        ("::", "::/64"),
        ("\ud800", ""),
        ("1" * 100_000, ""),
        ("," * 100_000, ""),
        (":" * 100_000, ""),
        ("[" * 100_000, ""),
    ],
)
def test_an_address(sent: str, expected: str) -> None:
    assert text(behind(sent)) == expected


@given(st.text())
def test_no_header_raises(sent: str) -> None:
    assert len(behind(sent)) in (0, 4, 8)
    assert len(parse(sent) or b"") in (0, 4, 16)


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        (PUBLIC, None, PUBLIC),
        (PUBLIC, "198.51.100.1", PUBLIC),
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", PUBLIC, PUBLIC),
        ("::1", PUBLIC, PUBLIC),
        ("", PUBLIC, PUBLIC),
        (None, PUBLIC, PUBLIC),
        ("", None, ""),
        ("10.1.2.3", f"198.51.100.1, {PUBLIC}", PUBLIC),
        ("fe80::1", f"198.51.100.1, {PUBLIC}", PUBLIC),
        ("fd00::1", f"198.51.100.1,{PUBLIC},10.0.0.9 , 192.168.1.1", PUBLIC),
        ("100.64.0.1", f"{PUBLIC}:5000, 172.31.0.1", PUBLIC),
        ("172.16.0.1", f"{PUBLIC}, garbage", ""),
        ("172.16.0.1", f"garbage, {PUBLIC}", PUBLIC),
        ("172.32.0.1", PUBLIC, "172.32.0.1"),
        ("127.0.0.1", "10.9.8.7", "10.9.8.7"),
        ("127.0.0.1", "10.9.8.7, 10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "9" * 10_000 + f", {PUBLIC}", PUBLIC),
        ("127.0.0.1", "198.51.100.1," * 10_000 + f" {PUBLIC}", PUBLIC),
        ("127.0.0.1", "9" * 10_000, ""),
        ("127.0.0.1", f"{PUBLIC}, " + "10.0.0.1, " * 30 + "10.0.0.2", "10.0.0.2"),
    ],
)
def test_whom_a_request_is_counted_for(peer: str, forwarded: str, expected: str) -> None:
    meta = {} if peer is None else {"REMOTE_ADDR": peer}
    if forwarded is not None:
        meta["HTTP_X_FORWARDED_FOR"] = forwarded
    clients = Clients(KEY, lanes())
    for _ in range(2):  # met, and known
        assert clients.of(meta) == _clients.hashed(KEY, behind(expected))


@given(st.text(max_size=400))
def test_what_a_visitor_writes_himself_hides_nobody(forged: str) -> None:
    """Our proxy appends whom it was asked by, whatever stands there."""
    clients = Clients(KEY, lanes())
    meta = {"REMOTE_ADDR": "10.0.0.1", "HTTP_X_FORWARDED_FOR": f"{forged}, {PUBLIC}"}
    assert clients.of(meta) == clients.of({"REMOTE_ADDR": PUBLIC})


def test_threads_that_meet_clients_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered is thrown away in the middle of another's look, all the time."""
    monkeypatch.setattr(_clients, "REMEMBERED", 2)
    clients = Clients(KEY, lanes())
    expected = {n: _clients.hashed(KEY, bytes([198, 51, 100, n])) for n in range(50)}

    def meet(n: int) -> bool:
        peer, sent = f"10.0.0.{n % 5}", f"198.51.100.{n % 50}"
        meta = {"REMOTE_ADDR": peer, "HTTP_X_FORWARDED_FOR": sent}
        return clients.of(meta) == expected[n % 50]

    there = threading.Barrier(4, timeout=30)
    with ThreadPoolExecutor(4) as pool:
        list(
            pool.map(lambda n: there.wait(), range(4))
        )  # coverage can't follow who begins in a hurry
        before = sys.getswitchinterval()
        sys.setswitchinterval(1e-6)
        try:
            assert all(pool.map(meet, range(5000)))
        finally:
            sys.setswitchinterval(before)


def test_an_ipv6_client_is_his_64() -> None:
    clients = Clients(KEY, lanes())
    found = {clients.of({"REMOTE_ADDR": f"2001:db8:0:{n >> 9}::{n:x}"}) for n in range(1024)}
    assert len(found) == 2


# In the store.


def slow(request: HttpRequest, item: int = 0) -> HttpResponse:
    return HttpResponse(status=int(request.GET.get("status", 200)))


urlpatterns = [path("slow/", slow), path("item/<int:item>/", slow)]
here = override_settings(ROOT_URLCONF=__name__)


@here
def test_a_request_is_its_client_s(client: Client, store: Path) -> None:
    for status in (200, 404, 500):
        client.get("/slow/", {"status": status}, REMOTE_ADDR=PUBLIC)
    client.post("/slow/", REMOTE_ADDR="127.0.0.1", headers={"X-Forwarded-For": "198.51.100.4"})
    rows = {row.client: row for row in window().clients}
    assert rows.keys() == {client_hash(PUBLIC), client_hash("198.51.100.4")}
    dear = rows[client_hash(PUBLIC)]
    assert (dear.requests, dear.failed, dear.error) == (3, 2, 0)
    wall = snapshot()["routes"]["slow/"]["wall"]["sum"]
    assert sum(row.cost for row in rows.values()) == pytest.approx(wall * 1e9)


@here
def test_who_was_put_out_and_comes_again_is_in_the_window(client: Client, store: Path) -> None:
    client.get("/slow/", REMOTE_ADDR=PUBLIC)
    client.get("/slow/", REMOTE_ADDR=PUBLIC)
    before = moment()
    opened = _store.current()
    assert opened is not None
    assert opened.clients is not None
    for other in range(1, 200):
        opened.clients.add(other, SECOND, 200)
    client.get("/slow/", REMOTE_ADDR=PUBLIC)
    [row] = [row for row in since(before).clients if row.client == client_hash(PUBLIC)]
    assert row.requests == 1
    assert 0 < row.cost < SECOND, "his own alone"


def test_units_have_no_client(store: Path) -> None:
    record = start("unit", "nightly")
    assert record is not None
    finish(record)
    assert window().clients == []


@here
def test_processes_add_up(client: Client, store: Path) -> None:
    client.get("/slow/", REMOTE_ADDR=PUBLIC)
    in_child(lambda: client.get("/slow/", REMOTE_ADDR=PUBLIC).status_code)
    [row] = window().clients
    assert (row.client, row.requests) == (client_hash(PUBLIC), 2)


@here
@pytest.mark.parametrize("mode", ["hashed", "off", "nonsense"])
def test_no_file_of_the_store_holds_an_address(client: Client, store: Path, mode: str) -> None:
    with override(STORE=store, CLIENTS="shown"):
        client.get("/slow/", REMOTE_ADDR="198.51.100.77")
        assert client_label(client_hash("198.51.100.77")) == "198.51.100.77"
    with override(STORE=store, CLIENTS=mode):
        for address in (PUBLIC, "2001:db8:77::1"):
            client.get("/slow/", REMOTE_ADDR=address)
            client.get(
                "/slow/", REMOTE_ADDR="10.77.77.77", headers={"X-Forwarded-For": f"x, {address}"}
            )
        found = moment()
        assert found is not None
        _moments.save(store / f"v{L.VERSION}" / "history.sqlite", found)
        written = b"".join(p.read_bytes() for p in store.rglob("*") if p.is_file())
    for address in (PUBLIC, "2001:db8:77::1", "198.51.100.77", "10.77.77.77"):
        assert address.encode() not in written
        if len(packed := parse(address) or b"") == 16:  # four bytes are anywhere by chance
            assert packed[:8] not in written
    assert not list(store.rglob("clients-*"))


@here
def test_shown_names_those_that_have_a_place(client: Client, store: Path) -> None:
    addresses = [f"198.51.{n >> 8}.{n & 255}" for n in range(300)]
    with override(STORE=store, CLIENTS="shown"):
        for address in addresses:
            client.get("/slow/", REMOTE_ADDR=address)
        opened = _store.current()
        assert opened is not None
        assert opened.clients is not None
        opened.clients.save()
        rows = window().clients
        assert {client_label(row.client) for row in rows} <= set(addresses)
        assert len(rows) == L.CLIENTS
        [file] = store.rglob("clients-*")
        assert file.stat().st_mode & 0o777 == 0o600
        assert len(_clients.read(file)) == L.CLIENTS


@pytest.mark.parametrize("mode", _clients.MODES)
def test_a_mode_that_there_is_passes_the_check(mode: str) -> None:
    with override(CLIENTS=mode):
        assert list(checks.check_clients()) == []


def test_one_that_nobody_knows_does_not() -> None:
    with override(CLIENTS="show"):
        [error] = checks.check_clients()
    assert (error.id, error.msg) == (
        "unhurried.E105",
        "UNHURRIED['CLIENTS'] is 'show', which is none of hashed, shown, off. "
        "Did you mean 'shown'?",
    )


@here
def test_of_async_requests_each_is_counted(store: Path) -> None:
    """The sampled ones, too, which are no samples there; with their time in the queue."""

    async def visit() -> None:
        client = AsyncClient()
        for _ in range(34):
            await client.get("/slow/", REMOTE_ADDR=PUBLIC, headers={"X-Request-Start": f"{time()}"})

    asyncio.run(visit())
    [row] = window().clients
    assert row.requests == lane("queued", "slow/") == 34


@here
def test_off_counts_no_client(client: Client, store: Path) -> None:
    with override(STORE=store, CLIENTS="off"):
        client.get("/slow/", REMOTE_ADDR=PUBLIC)
        assert window().clients == []
        assert snapshot()["routes"]["slow/"]["requests"] == 1
        with pytest.raises(StoreError, match=r"client\.key"):
            client_hash(PUBLIC)


@here
def test_the_key_is_ours_alone_and_each_store_s_own(client: Client, store: Path) -> None:
    client.get("/slow/", REMOTE_ADDR=PUBLIC)
    file = store / f"v{L.VERSION}" / "client.key"
    assert (file.stat().st_mode & 0o777, file.stat().st_size) == (0o600, _clients.KEY)
    mine = client_hash(PUBLIC)
    assert client_label(mine) == f"client {mine >> 32:08x}"
    with override(STORE=store.with_name("another")):
        client.get("/slow/", REMOTE_ADDR=PUBLIC)
        assert client_hash(PUBLIC) != mine


def test_a_key_that_was_cut_off_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "client.key").write_bytes(b"short")
    key = _clients.key_of(tmp_path)
    assert len(key) == _clients.KEY
    assert _clients.key_of(tmp_path) == key
    assert in_child(lambda: _clients.key_of(tmp_path).hex()) == key.hex()


@here
def test_what_is_no_address_is_told(client: Client, store: Path) -> None:
    client.get("/slow/")
    with pytest.raises(ValueError, match=r"'example\.com' is no IP address"):
        client_hash("example.com")
    assert client_hash("2001:db8::1") == client_hash("2001:db8::2")
    assert client_hash("") != client_hash("0.0.0.0")


# Unsafe requests, and what a kept page would hit.


def lane(name: str, route: str) -> int:
    found: Any = window().units["request", route]
    return int(found[name])


@here
def test_unsafe_requests(client: Client, store: Path) -> None:
    for method in ("get", "head", "options", "post", "put", "patch", "delete"):
        getattr(client, method)("/slow/")
    client.generic("QUERY", "/slow/")
    assert lane("requests", "slow/") == 8
    assert lane("unsafe", "slow/") == 5


@pytest.fixture
def every_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_paths, "ONE_IN", 1)


@here
def test_a_path_is_new_until_it_was_computed(
    client: Client, store: Path, every_path: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for url in ("/item/1/", "/item/1/", "/item/2/", "/item/1/?page=2", "/item/1/?page=2"):
        client.get(url)
    assert (lane("paths", "item/<int:item>/"), lane("paths_new", "item/<int:item>/")) == (5, 3)
    monkeypatch.setattr(_paths, "KEEP", 1)
    client.get("/item/1/")
    assert (lane("paths", "item/<int:item>/"), lane("paths_new", "item/<int:item>/")) == (6, 4)


@here
def test_only_get_of_paths_that_vary(client: Client, store: Path, every_path: None) -> None:
    client.get("/slow/")
    client.post("/slow/?page=1")
    client.post("/item/1/")
    client.head("/item/1/")
    assert lane("paths", "slow/") == lane("paths", "item/<int:item>/") == 0


@here
def test_a_query_makes_another_page(client: Client, store: Path, every_path: None) -> None:
    for query in ("?q=1", "?q=1", "?q=2", ""):
        client.get(f"/slow/{query}")
    assert (lane("paths", "slow/"), lane("paths_new", "slow/")) == (3, 2)


@here
def test_paths_are_bounded_and_the_oldest_goes(
    client: Client, store: Path, every_path: None
) -> None:
    for item in range(_paths.MOST + 1):
        client.get(f"/item/{item}/")
    client.get("/item/1/")
    client.get("/item/0/")
    row = _store.current().requests["item/<int:item>/"]  # type: ignore[union-attr]
    assert len(row.paths or ()) == _paths.MOST
    assert lane("paths_new", "item/<int:item>/") == _paths.MOST + 2


def test_one_path_in_eight_tells_the_ratio(store: Path) -> None:
    """All visits to a path or none: what the few say is what all would."""
    chance = random.Random(8)
    opened = _store.current()
    assert opened is not None
    row = opened.route(("request", "item/<int:item>/"))
    request, seen, new = HttpRequest(), set(), 0
    for n in range(20_000):
        request.path_info = f"/item/{int(chance.paretovariate(0.5)) % 2000}/"
        new += request.path_info not in seen
        seen.add(request.path_info)
        _paths.look(opened, row, request, n)
    paths, fresh = row.lanes[_paths.PATHS], row.lanes[_paths.PATHS_NEW]
    looked_at = sum(hash((each, None)) % _paths.ONE_IN == 0 for each in seen)
    assert fresh == looked_at
    assert 0 < fresh < paths < 20_000
