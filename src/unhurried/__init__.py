"""Django doesn't scale; no framework does. Five things you can do about it.

1. Measure everything      unhurried.measure
2. Cache carefully         unhurried.cache
3. Procrastinate           unhurried.later
4. Count queries           unhurried.queries
5. Hug your DBA            unhurried.db

After Jacob Kaplan-Moss, "Django Doesn't Scale! (and what you can do about it)", DjangoCon 2012.
Rooms that are not there yet are listed as open in docs/the-talk.md.
"""

__version__ = "0.1.0"
