"""Deferred writes: ``later(queryset).update(…)``, and how they are applied."""
