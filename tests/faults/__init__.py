"""The fault bench: the example on real servers, made slow by real means, and what is said of it.

Here rather than in ``benchmarks/`` as benchmarks read tests already (``tests.servers``), and no
test reads a benchmark. Needs PostgreSQL, gunicorn and psycopg; the process that measures needs no
Django: the site, its commands and its neighbours are processes of their own.
"""
