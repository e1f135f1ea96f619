"""Serving from cache: what an entry is, in what state it is found, and who computes it anew."""
