"""Adapters, one file a gateway. `base.py` says what one is, `registry.py` finds them."""
