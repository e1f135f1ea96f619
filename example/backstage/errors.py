"""What stops the demo, said so that the reader can do something about it."""


class DemoError(Exception):
    """What went wrong, and the way out."""
