"""Measurements that print what they find: `python -m bench.bandit`, `python -m bench.drill`."""
