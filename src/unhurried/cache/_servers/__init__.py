"""Connections to cache servers, shared by tokens and entries."""
