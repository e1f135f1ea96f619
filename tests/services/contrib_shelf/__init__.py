"""A model with each field of django.contrib.postgres, for the check beside it."""
