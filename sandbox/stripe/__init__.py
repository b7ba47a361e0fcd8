"""Stripe: PaymentIntents, Checkout Sessions, refunds, events. Facts from https://docs.stripe.com/api."""
