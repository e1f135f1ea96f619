"""Cached functions and cached parts of templates."""
