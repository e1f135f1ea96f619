"""What a unit of work has read and changed: the half of the protocol that stands at the databases.

The protocol is told in docs/rules/cache.md. ``_guard`` hears every statement; ``_ties`` is what is
known of one connection, ``_ends`` renews tokens when its transaction ends, ``_unit`` is what was
read.
"""
