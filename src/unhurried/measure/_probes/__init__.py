"""The four probes: what a unit of work spends outside its own code."""
