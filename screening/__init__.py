"""Whether a checkout looks like fraud, by its own data and what was seen before. Pure but for data files."""
