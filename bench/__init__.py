"""Measurements that print what they find: `python -m bench.speed`, `python -m bench.drill` and others."""
