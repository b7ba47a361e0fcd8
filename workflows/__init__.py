"""The business processes, readable from top to bottom. No I/O, clock, settings or randomness of their own."""
