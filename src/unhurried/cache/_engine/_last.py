"""What is remembered in this process of the last keys there were."""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import Generic, TypeVar

V = TypeVar("V")


class Last(Generic[V]):
    """The last of something for each key; the oldest keys go first."""

    def __init__(self, most: int) -> None:
        self.most, self.lock = most, Lock()
        self.kept: OrderedDict[str, V] = OrderedDict()

    def get(self, key: str) -> V | None:
        return self.kept.get(key)

    def drop(self, key: str) -> None:
        with self.lock:
            self.kept.pop(key, None)

    def put(self, key: str, value: V) -> None:
        with self.lock:
            self.kept[key] = value
            self.kept.move_to_end(key)
            if len(self.kept) > self.most:
                self.kept.popitem(last=False)
