"""The tables of benchmarks/db.py."""
