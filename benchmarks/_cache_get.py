"""A tagged hit beside a plain `get` of the same bytes, by the same kind of client, kept open."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from cache_site import views
from cache_site.setup import TTL, Place, Tool

from unhurried.cache import cached


class AsIs:
    """A serialiser for what is bytes already."""

    def dumps(self, value: Any) -> bytes:
        return value

    def loads(self, data: bytes) -> Any:
        return data


@cached(TTL, serializer=AsIs())
def page_bytes(number: int) -> bytes:
    """20 KB that depend on ten tables."""
    return views.body(number).encode()


class Gets:
    def __init__(self, tool: Tool, place: Place) -> None:
        self.redis = redis.Redis(port=place.redis, db=place.number)
        plain = self._plain(tool.entries, place)
        self.ways: dict[str, Callable[[], bytes]] = {
            "tagged": lambda: page_bytes(0),
            "plain": plain,
            "again": plain,
        }

    def _plain(self, entries: str, place: Place) -> Callable[[], bytes]:
        body = page_bytes(0)
        if entries == "redis":
            self.redis.set("plain", body)
            return lambda: self.redis.get("plain")
        from pymemcache import Client

        client = Client(("127.0.0.1", place.memcached), no_delay=True)
        client.set("plain", body)
        return lambda: client.get("plain")

    def block(self, way: str, count: int) -> dict[str, float]:
        """Seconds of CPU and of the clock per call, and what Redis had to read for it."""
        call = self.ways[way]
        call()
        reads, cpu, wall = self._reads(), time.process_time_ns(), time.perf_counter_ns()
        for _ in range(count):
            call()
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        told = self._reads() - reads - 1  # its own question
        return {"cpu": cpu / count / 1e9, "wall": wall / count / 1e9, "reads": told / count}

    def _reads(self) -> int:
        return self.redis.info("stats")["total_reads_processed"]
