"""The example site with pages planted below it that are slow, each in one way."""
