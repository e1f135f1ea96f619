"""How many queries code, a route or a test may ask for."""
