"""A write that tens of thousands of entries depend on, beside one that none does."""

from __future__ import annotations

import time

import redis
from cache_site import data, views
from cache_site.setup import Place, Tool

# Within the server, so that filling it takes no time of ours: the largest value is the entry.
COPY = """
local entry, size = nil, 0
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TYPE', key).ok == 'string' and redis.call('STRLEN', key) > size then
    entry, size = key, redis.call('STRLEN', key)
  end
end
local lists = {}
for _, key in ipairs(redis.call('KEYS', 'conj:part_0:*')) do
  if redis.call('SISMEMBER', key, entry) == 1 then table.insert(lists, key) end
end
for n = 1, tonumber(ARGV[1]) do
  local key = entry .. ':' .. n
  redis.call('COPY', entry, key, 'REPLACE')
  for _, list in ipairs(lists) do redis.call('SADD', list, key) end
end
return redis.call('DBSIZE')
"""


class Writer:
    """One table is read by all of the entries, two by none."""

    def __init__(self, tool: Tool, place: Place) -> None:
        from cache_site.models import PARTS

        self.tool = tool
        self.tables = {"many": PARTS[0], "none": PARTS[8], "again": PARTS[9], "warm": PARTS[7]}
        self.filled = False
        self.redis = redis.Redis(port=place.redis, db=place.number)

    def fill(self, count: int) -> bool:
        """Makes `count` entries that depend on the first table and are valid now."""
        views.kept("value")(1)
        if self.tool.entries == "redis":
            self._copy(count)
        elif not self.filled:
            self._compute(count)
        self.filled = True
        return True

    def _copy(self, count: int) -> None:
        """Copies of a real entry: to the tool, that many keys with the same value."""
        self.redis.eval(COPY, 0, count)

    def _compute(self, count: int) -> None:
        keep = self.tool.wrap(count_rows)
        for number in range(count):
            keep(number)

    def write(self, table: str) -> dict[str, float]:
        """Seconds of this process' CPU and of the clock, and of Redis' CPU."""
        part = self.tables[table](pk=1, name=f"{time.time_ns()} {data.LONG}")
        began, cpu, wall = self._served(), time.process_time_ns(), time.perf_counter_ns()
        part.save(force_update=True)
        wall, cpu = time.perf_counter_ns() - wall, time.process_time_ns() - cpu
        return {"cpu": cpu / 1e9, "wall": wall / 1e9, "server": self._served() - began}

    def _served(self) -> float:
        told = self.redis.info("cpu")
        return told["used_cpu_user"] + told["used_cpu_sys"]

    def right(self) -> bool:
        """Is what is kept still right, after all these writes?"""
        return views.kept("value")(1) == views.value(1)


def count_rows(number: int) -> int:
    """As light as a dependent can be."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM part_0")
        return cursor.fetchone()[0] + number
