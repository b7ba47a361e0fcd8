"""Paystack: pages, saved cards, mobile money, refunds. Facts: https://paystack.com/docs/api/.

A reference is unique per account: the same charge sent twice is refused the second time.
"""
