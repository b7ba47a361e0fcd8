"""Which accounts may be asked for a checkout's money, in which order, and why. Pure but for data files."""
