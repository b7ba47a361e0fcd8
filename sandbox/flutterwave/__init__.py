"""Flutterwave v3: pages, mobile money, saved cards, refunds. Facts: https://developer.flutterwave.com (v3).

There is no idempotency of any kind: the same charge sent twice charges twice.
"""
