"""Waiting pages: a slow view answers at once, and then, at the same URL, with its result."""
