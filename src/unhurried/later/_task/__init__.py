"""``@task``: functions that are called later, and what becomes of their arguments till then."""
