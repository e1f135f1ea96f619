"""Asking why: what is kept of a page or a value, what it hangs on, and why it was not kept."""
