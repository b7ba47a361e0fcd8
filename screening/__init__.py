"""Whether a checkout looks like fraud, from its own data and what was seen before. Pure but for data files."""
