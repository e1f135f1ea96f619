"""Races, each forced: two threads or processes meet at a point that we choose.

A *cell* is a database with a place for tokens and one for entries. It is played in a process of
its own, the *site*, which a test asks for one *scenario* after the other. Everything uses what
sites have, ``unhurried.cache``, and one seam: ``_ends.renew``, to stand between COMMIT and it.
"""
