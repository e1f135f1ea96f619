"""Serving from cache: what an entry is, in what state it is found, and who computes it anew.

``_look`` finds an entry and decides, ``_lookup`` is what it has found, ``_state`` says whether that
may be served; ``_compute`` makes it anew while ``_wait`` waits, or ``_refreshing`` asks for it.
"""
