"""A typed client of smartpay's API. Amounts are integers of the currency's minor units."""

from smartpay_client.calls import ApiError, NoAnswer, SmartpayError
from smartpay_client.client import AsyncClient, Client
from smartpay_client.models import Attempt, Checkout, Decline, Event, NextAction, Page, Refund
from smartpay_client.webhook import InvalidSignature, Webhook

__all__ = [
    "ApiError",
    "AsyncClient",
    "Attempt",
    "Checkout",
    "Client",
    "Decline",
    "Event",
    "InvalidSignature",
    "NextAction",
    "NoAnswer",
    "Page",
    "Refund",
    "SmartpayError",
    "Webhook",
]
