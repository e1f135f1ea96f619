"""Edges: which are believed, what they may not compose, and how they are told to forget."""
