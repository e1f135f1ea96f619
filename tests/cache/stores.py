"""What every store must do, whatever it keeps entries in: for the embedded ones and for servers."""

from __future__ import annotations

import threading
import time

from unhurried.cache._stores._store import Store

KEYS = ["page:/a/", "with blank and é ☃", "x" * 300, "\n\r\t\0", "#" + "0" * 40, ""]


class EveryStore:
    """Inherited by a test class per store, which has the fixture ``store``; ttls are exact to
    ``tick`` seconds.
    """

    tick = 0.0

    def test_bytes_come_back_as_they_were(self, store: Store):
        values = {key: bytes(range(256)) + key.encode() for key in KEYS}
        for key, value in values.items():
            store.set(key, value, 60)
        assert store.get_many([*KEYS, "absent"]) == values
        assert store.get_many([]) == {}
        store.set("empty", b"", 60)
        assert store.get_many(["empty"]) == {"empty": b""}

    def test_the_last_one_counts(self, store: Store):
        store.set("a", b"1", 60)
        store.set("a", b"2", 60)
        assert store.get_many(["a"]) == {"a": b"2"}
        store.delete("a")
        store.delete("a")
        assert store.get_many(["a"]) == {}

    def test_it_is_gone_when_its_time_is_over(self, store: Store):
        store.set("short", b"1", 0.2)
        store.set("long", b"1", 60)
        store.set("for ever", b"1", 1e12)
        store.set("months", b"1", 90 * 24 * 3600)
        store.set("not at all", b"1", 0)
        store.set("not at all", b"1", -5)
        time.sleep(0.25 + self.tick)
        left = store.get_many(["short", "long", "for ever", "months", "not at all"])
        assert left.keys() == {"long", "for ever", "months"}

    def test_add_is_for_the_first(self, store: Store):
        assert store.add("lease", b"me", 0.3)
        assert not store.add("lease", b"you", 60)
        assert store.get_many(["lease"]) == {"lease": b"me"}
        time.sleep(0.35 + self.tick)
        assert store.add("lease", b"you", 60)
        assert store.get_many(["lease"]) == {"lease": b"you"}
        assert not store.add("never", b"", 0)

    def test_add_is_for_one_of_many(self, store: Store):
        won = []
        ready = threading.Barrier(8)

        def run(me: bytes) -> None:
            ready.wait()
            if store.add("lease", me, 60):
                won.append(me)

        threads = [threading.Thread(target=run, args=(b"%d" % i,)) for i in range(8)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert store.get_many(["lease"]) == {"lease": won[0]}
        assert len(won) == 1

    def test_a_store_is_fenced_by_its_lease(self, store: Store):
        store.add("lease", b"me", 60)
        assert store.set_if("a", b"mine", 60, "lease", b"me")
        store.add("lease", b"me", 60)
        assert not store.set_if("a", b"yours", 60, "lease", b"you")
        assert not store.set_if("a", b"nobody's", 60, "no lease", b"me")
        assert not store.set_if("a", b"for no time", 0, "lease", b"me")
        assert store.get_many(["a", "lease"]) == {"a": b"mine", "lease": b"me"}
        assert store.set_if("b", b"for ever", 1e12, "lease", b"me")
        assert store.get_many(["b", "lease"]) == {"b": b"for ever"}

    def test_who_takes_a_lease_sees_what_is_there_then(self, store: Store):
        store.set("a", b"1", 60)
        found, _, _ = store.claim("lease", b"me", 60, ["a", "b"], ())
        assert found == {"a": b"1"}
        assert store.claim("lease", b"you", 60, ["a", "b"], ()) is None
        assert store.get_many(["lease"]) == {"lease": b"me"}

    def test_only_the_holder_gives_a_lease_back(self, store: Store):
        store.add("lease", b"me", 60)
        store.release("lease", b"you")
        assert store.get_many(["lease"]) == {"lease": b"me"}
        store.release("lease", b"me")
        assert store.get_many(["lease"]) == {}
        store.release("lease", b"me")

    def test_threads_share_it(self, store: Store):
        wrong = []

        def work(me: int) -> None:
            for i in range(20):
                key, value = f"{me}:{i}", b"%d" % (me * 1000 + i)
                store.set(key, value, 60)
                if store.get_many([key, "other"]) != {key: value}:
                    wrong.append(key)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(20)]
        [thread.start() for thread in threads]
        [thread.join() for thread in threads]
        assert wrong == []
