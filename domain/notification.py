"""What merchants are told."""

from enum import StrEnum
from typing import Final

from domain.checkout import CheckoutStatus


class NotificationType(StrEnum):
    CHECKOUT_REQUIRES_ACTION = "checkout.requires_action"
    CHECKOUT_REQUIRES_CAPTURE = "checkout.requires_capture"
    CHECKOUT_IN_REVIEW = "checkout.in_review"
    CHECKOUT_SUCCEEDED = "checkout.succeeded"
    CHECKOUT_FAILED = "checkout.failed"
    CHECKOUT_CANCELED = "checkout.canceled"
    CHECKOUT_EXPIRED = "checkout.expired"
    REFUND_SUCCEEDED = "refund.succeeded"
    REFUND_FAILED = "refund.failed"


ON_STATUS: Final = {
    CheckoutStatus.REQUIRES_ACTION: NotificationType.CHECKOUT_REQUIRES_ACTION,
    CheckoutStatus.REQUIRES_CAPTURE: NotificationType.CHECKOUT_REQUIRES_CAPTURE,
    CheckoutStatus.IN_REVIEW: NotificationType.CHECKOUT_IN_REVIEW,
    CheckoutStatus.SUCCEEDED: NotificationType.CHECKOUT_SUCCEEDED,
    CheckoutStatus.FAILED: NotificationType.CHECKOUT_FAILED,
    CheckoutStatus.CANCELED: NotificationType.CHECKOUT_CANCELED,
    CheckoutStatus.EXPIRED: NotificationType.CHECKOUT_EXPIRED,
}
"""What is told when a checkout reaches a status. Nobody is told of `processing`."""
