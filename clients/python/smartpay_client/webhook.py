"""Notifications, verified as the Standard Webhooks specification says."""

from collections.abc import Mapping

from standardwebhooks import Webhook as _Webhook
from standardwebhooks import WebhookVerificationError

from smartpay_client.calls import SmartpayError
from smartpay_client.models import Event


class InvalidSignature(SmartpayError):
    """Not from the holder of the secret, or too old. Answer 401 and do nothing."""


class Webhook:
    def __init__(self, secret: str) -> None:
        """`secret`: `whsec_...`."""
        self._verifier = _Webhook(secret)

    def read(self, body: bytes, headers: Mapping[str, str]) -> Event:
        """The event, from the bytes as they came. Raises InvalidSignature."""
        try:
            return Event.read(self._verifier.verify(body, dict(headers)))
        except WebhookVerificationError as error:
            raise InvalidSignature(str(error)) from None
