"""Adyen: stored cards, payment links, modifications.

Facts: https://docs.adyen.com/api-explorer/Checkout/71/overview

Captures, cancels and refunds answer `received`; a webhook tells what came of them. Nothing can be looked up
but a payment link.
"""
