"""Simulated gateways, speaking the real wire formats, with ledgers of their own and faults on demand.

One process for development, demos and tests; it shares nothing with the product. `python -m sandbox --help`.
"""
