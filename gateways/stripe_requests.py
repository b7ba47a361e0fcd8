"""What we ask Stripe for, as parameters: equal requests give equal parameters (a key may be sent again)."""

from datetime import UTC, datetime, timedelta
from typing import Final

from stripe.params import PaymentIntentCreateParams
from stripe.params.checkout import SessionCreateParams

from domain.ids import checkout_of_attempt
from gateways.base import ChargeRequest
from gateways.stripe_objects import REFERENCE

INTENT_DETAILS: Final = ["latest_charge"]
"""Expanded in every PaymentIntent: what was captured and refunded is told by its charge."""
SESSION_DETAILS: Final = ["payment_intent.latest_charge"]

# "It can be anywhere from 30 minutes to 24 hours after Checkout Session creation"
# (docs.stripe.com/api/checkout/sessions/create), and five minutes for clocks that differ.
_PAGE_SHORTEST: Final = timedelta(minutes=35)
_PAGE_LONGEST: Final = timedelta(hours=23, minutes=55)


def card(request: ChargeRequest, units: int) -> PaymentIntentCreateParams:
    """Create and confirm in one call. The return URL makes 3-D Secure a redirect for any browser."""
    params: PaymentIntentCreateParams = {
        "amount": units,
        "currency": request.currency.lower(),
        "payment_method": request.method.tokens["stripe"],
        # The API version that the SDK speaks refuses the older `payment_method_types` (docs.stripe.com/
        # changelog/endive/2026-09-30/removes-the-payment-method-types-parameter-from-payment-intents-...).
        "allowed_payment_method_types": ["card"],
        "capture_method": request.capture_method.value,
        "confirm": True,
        "return_url": request.return_url,
        "metadata": _metadata(request),
        "expand": INTENT_DETAILS,
    }
    if request.customer.email:
        params["receipt_email"] = request.customer.email
    if request.challenge:
        params["payment_method_options"] = {"card": {"request_three_d_secure": "any"}}
    return params


def page(request: ChargeRequest, units: int) -> SessionCreateParams:
    """One line, one amount, in the currency asked for: nothing on the page can change what is paid."""
    metadata = _metadata(request)
    params: SessionCreateParams = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": request.currency.lower(),
                    "unit_amount": units,
                    "product_data": {"name": "Payment"},
                },
            }
        ],
        "client_reference_id": request.reference,
        "metadata": metadata,
        "payment_intent_data": {"capture_method": request.capture_method.value, "metadata": metadata},
        "adaptive_pricing": {"enabled": False},
        "success_url": request.return_url,
        "cancel_url": request.return_url,
        "expand": SESSION_DETAILS,
    }
    if (expires_at := _lapse(request.expires_at, datetime.now(UTC))) is not None:
        params["expires_at"] = int(expires_at.timestamp())
    if request.customer.email:
        params["customer_email"] = request.customer.email
    if request.challenge:
        params["payment_method_options"] = {"card": {"request_three_d_secure": "any"}}
    return params


def _lapse(expires_at: datetime, now: datetime) -> datetime | None:
    """When Stripe should close the page by itself; None leaves it to Stripe's longest, 24 hours.

    The clock decides only which rule applies, never the value, so that sending again sends the same. Should
    a second send fall across a border all the same, Stripe refuses it for its key, and a look-up finds what
    the first one made.
    """
    left = expires_at - now
    if left > _PAGE_LONGEST:
        return None
    return expires_at if left >= _PAGE_SHORTEST else expires_at + _PAGE_SHORTEST


def _metadata(request: ChargeRequest) -> dict[str, str]:
    metadata = {REFERENCE: request.reference}
    if checkout := checkout_of_attempt(request.reference):
        metadata["checkout"] = checkout
    return metadata
