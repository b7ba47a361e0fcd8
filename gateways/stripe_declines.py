"""Stripe's refusals in the field's standard names.

Decline codes: https://docs.stripe.com/declines/codes (cards, and the local methods that its page offers).
Error codes: https://docs.stripe.com/error-codes. The category says what may follow (domain/decline.py):
where an issuer's "no" may depend on the acquirer, the merchant's country or the moment it is soft.
"""

import re
from functools import lru_cache
from typing import Final

import structlog

from domain.decline import Decline, DeclineCategory, DeclineCode

_log = structlog.get_logger(__name__)

_AUTHENTICATION = DeclineCategory.AUTHENTICATION
_CONFIGURATION = DeclineCategory.CONFIGURATION
_CUSTOMER = DeclineCategory.CUSTOMER
_FRAUD = DeclineCategory.FRAUD
_HARD = DeclineCategory.HARD
_SOFT = DeclineCategory.SOFT

DECLINES: Final[dict[str, tuple[DeclineCategory, DeclineCode]]] = {
    # Cards.
    "approve_with_id": (_SOFT, DeclineCode.GENERIC_DECLINE),
    "authentication_not_handled": (_AUTHENTICATION, DeclineCode.AUTHENTICATION_REQUIRED),
    "authentication_required": (_AUTHENTICATION, DeclineCode.AUTHENTICATION_REQUIRED),
    "call_issuer": (_SOFT, DeclineCode.DO_NOT_HONOR),
    "card_not_supported": (_SOFT, DeclineCode.CARD_NOT_SUPPORTED),
    "card_velocity_exceeded": (_SOFT, DeclineCode.VELOCITY_EXCEEDED),
    "currency_not_supported": (_SOFT, DeclineCode.CURRENCY_NOT_SUPPORTED),
    "do_not_honor": (_SOFT, DeclineCode.DO_NOT_HONOR),
    "do_not_try_again": (_HARD, DeclineCode.DO_NOT_HONOR),
    # The same amount on the same card moments ago: trying elsewhere could charge it twice.
    "duplicate_transaction": (_HARD, DeclineCode.DUPLICATE_TRANSACTION),
    "expired_card": (_CUSTOMER, DeclineCode.EXPIRED_CARD),
    "fraudulent": (_FRAUD, DeclineCode.SUSPECTED_FRAUD),
    "generic_decline": (_SOFT, DeclineCode.GENERIC_DECLINE),
    "incorrect_address": (_CUSTOMER, DeclineCode.GENERIC_DECLINE),
    "incorrect_cvc": (_CUSTOMER, DeclineCode.INVALID_CVC),
    "incorrect_number": (_CUSTOMER, DeclineCode.INVALID_NUMBER),
    "incorrect_pin": (_CUSTOMER, DeclineCode.INVALID_PIN),
    "incorrect_zip": (_CUSTOMER, DeclineCode.GENERIC_DECLINE),
    "insufficient_funds": (_SOFT, DeclineCode.INSUFFICIENT_FUNDS),
    "invalid_account": (_HARD, DeclineCode.INVALID_ACCOUNT),
    "invalid_amount": (_SOFT, DeclineCode.INVALID_AMOUNT),
    "invalid_cvc": (_CUSTOMER, DeclineCode.INVALID_CVC),
    "invalid_expiry_month": (_CUSTOMER, DeclineCode.INVALID_EXPIRY),
    "invalid_expiry_year": (_CUSTOMER, DeclineCode.INVALID_EXPIRY),
    "invalid_number": (_CUSTOMER, DeclineCode.INVALID_NUMBER),
    "invalid_pin": (_CUSTOMER, DeclineCode.INVALID_PIN),
    "issuer_not_available": (_SOFT, DeclineCode.ISSUER_UNAVAILABLE),
    "lost_card": (_HARD, DeclineCode.CARD_LOST_OR_STOLEN),
    "merchant_blacklist": (_FRAUD, DeclineCode.SUSPECTED_FRAUD),
    "mobile_device_authentication_required": (_AUTHENTICATION, DeclineCode.AUTHENTICATION_REQUIRED),
    "new_account_information_available": (_HARD, DeclineCode.INVALID_ACCOUNT),
    "no_action_taken": (_SOFT, DeclineCode.DO_NOT_HONOR),
    "not_permitted": (_SOFT, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "offline_pin_required": (_AUTHENTICATION, DeclineCode.AUTHENTICATION_REQUIRED),
    "online_or_offline_pin_required": (_AUTHENTICATION, DeclineCode.AUTHENTICATION_REQUIRED),
    "pickup_card": (_HARD, DeclineCode.CARD_LOST_OR_STOLEN),
    "pin_try_exceeded": (_CUSTOMER, DeclineCode.INVALID_PIN),
    "processing_error": (_SOFT, DeclineCode.PROCESSING_ERROR),
    "reenter_transaction": (_SOFT, DeclineCode.PROCESSING_ERROR),
    "restricted_card": (_HARD, DeclineCode.CARD_RESTRICTED),
    "revocation_of_all_authorizations": (_HARD, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "revocation_of_authorization": (_HARD, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "security_violation": (_HARD, DeclineCode.CARD_RESTRICTED),
    "service_not_allowed": (_SOFT, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "stolen_card": (_HARD, DeclineCode.CARD_LOST_OR_STOLEN),
    "stop_payment_order": (_HARD, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "testmode_decline": (_CONFIGURATION, DeclineCode.MERCHANT_CONFIGURATION),
    "transaction_not_allowed": (_SOFT, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "try_again_later": (_SOFT, DeclineCode.ISSUER_UNAVAILABLE),
    "withdrawal_count_limit_exceeded": (_SOFT, DeclineCode.VELOCITY_EXCEEDED),
    # Local methods.
    "compliance_violation": (_HARD, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "expired_payment_information": (_CUSTOMER, DeclineCode.INVALID_ACCOUNT),
    "invalid_authorization": (_CUSTOMER, DeclineCode.INVALID_ACCOUNT),
    "invalid_billing_agreement": (_CUSTOMER, DeclineCode.INVALID_ACCOUNT),
    "invalid_business_account": (_CONFIGURATION, DeclineCode.MERCHANT_CONFIGURATION),
    "invalid_customer_account": (_CUSTOMER, DeclineCode.INVALID_ACCOUNT),
    "invalid_payment_information": (_CUSTOMER, DeclineCode.INVALID_ACCOUNT),
    "lost_or_stolen_card": (_HARD, DeclineCode.CARD_LOST_OR_STOLEN),
    "partner_action_not_supported": (_SOFT, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "partner_duplicate_transaction": (_HARD, DeclineCode.DUPLICATE_TRANSACTION),
    "partner_expired_card": (_CUSTOMER, DeclineCode.EXPIRED_CARD),
    "partner_generic_decline": (_SOFT, DeclineCode.GENERIC_DECLINE),
    "partner_high_risk_customer": (_FRAUD, DeclineCode.SUSPECTED_FRAUD),
    "partner_insufficient_funds": (_SOFT, DeclineCode.INSUFFICIENT_FUNDS),
    "partner_invalid_amount": (_SOFT, DeclineCode.INVALID_AMOUNT),
    "partner_invalid_currency": (_SOFT, DeclineCode.CURRENCY_NOT_SUPPORTED),
    "partner_payment_not_found": (_SOFT, DeclineCode.PROCESSING_ERROR),
    "partner_processing_error": (_SOFT, DeclineCode.PROCESSING_ERROR),
    "payment_disputed": (_HARD, DeclineCode.TRANSACTION_NOT_PERMITTED),
    "payment_limit_exceeded": (_SOFT, DeclineCode.AMOUNT_LIMIT_EXCEEDED),
    "recurring_not_supported_by_bank": (_SOFT, DeclineCode.TRANSACTION_NOT_PERMITTED),
    # Error codes that come without a decline code.
    "amount_too_large": (_CONFIGURATION, DeclineCode.INVALID_AMOUNT),
    "amount_too_small": (_CONFIGURATION, DeclineCode.INVALID_AMOUNT),
    "card_decline_rate_limit_exceeded": (_HARD, DeclineCode.VELOCITY_EXCEEDED),
    "card_declined": (_SOFT, DeclineCode.GENERIC_DECLINE),
    "charge_exceeds_source_limit": (_SOFT, DeclineCode.AMOUNT_LIMIT_EXCEEDED),
    "charge_exceeds_transaction_limit": (_SOFT, DeclineCode.AMOUNT_LIMIT_EXCEEDED),
    "country_unsupported": (_CONFIGURATION, DeclineCode.MERCHANT_CONFIGURATION),
    "expired_payment_method": (_CUSTOMER, DeclineCode.EXPIRED_CARD),
    "incorrect_postal_code": (_CUSTOMER, DeclineCode.GENERIC_DECLINE),
    "invalid_card_type": (_SOFT, DeclineCode.CARD_NOT_SUPPORTED),
    "invalid_charge_amount": (_CONFIGURATION, DeclineCode.INVALID_AMOUNT),
    "payment_intent_authentication_failure": (_AUTHENTICATION, DeclineCode.AUTHENTICATION_FAILED),
    "payment_intent_incompatible_payment_method": (_CONFIGURATION, DeclineCode.CARD_NOT_SUPPORTED),
    "payment_intent_payment_attempt_expired": (_CUSTOMER, DeclineCode.CUSTOMER_ABANDONED),
    "payment_intent_payment_attempt_failed": (_SOFT, DeclineCode.GENERIC_DECLINE),
    "payment_method_currency_mismatch": (_CONFIGURATION, DeclineCode.CURRENCY_NOT_SUPPORTED),
    "payment_method_customer_decline": (_CUSTOMER, DeclineCode.CUSTOMER_ABANDONED),
    "payment_method_not_available": (_SOFT, DeclineCode.ISSUER_UNAVAILABLE),
    "payment_method_provider_decline": (_SOFT, DeclineCode.GENERIC_DECLINE),
    "payment_method_provider_timeout": (_SOFT, DeclineCode.ISSUER_UNAVAILABLE),
    "payment_method_restricted": (_HARD, DeclineCode.CARD_RESTRICTED),
    "payment_method_unexpected_state": (_CUSTOMER, DeclineCode.INVALID_TOKEN),
    "payment_method_unsupported_type": (_CONFIGURATION, DeclineCode.CARD_NOT_SUPPORTED),
    "refer_to_customer": (_SOFT, DeclineCode.DO_NOT_HONOR),
    "testmode_charges_only": (_CONFIGURATION, DeclineCode.MERCHANT_CONFIGURATION),
    "token_already_used": (_CUSTOMER, DeclineCode.INVALID_TOKEN),
    "token_in_use": (_CUSTOMER, DeclineCode.INVALID_TOKEN),
}

_CODE = re.compile(r"[a-z0-9_]{1,100}")
_NETWORK_CODE = re.compile(r"[A-Za-z0-9_]{1,20}")


def decline(*, code: str | None, decline_code: str | None, network_code: str | None = None) -> Decline:
    """What Stripe's refusal of a payment means. A code that is not in the table is soft, and logged once."""
    for candidate in (decline_code, code):
        if candidate is not None and (known := DECLINES.get(candidate)):
            return _decline(*known, gateway_code=candidate, network_code=network_code)
    unknown = _clean(decline_code or code, _CODE)
    if unknown is not None:
        _log_unmapped(unknown)
    return _decline(_SOFT, DeclineCode.GENERIC_DECLINE, gateway_code=unknown, network_code=network_code)


def invalid_request(*, code: str | None, param: str | None) -> Decline:
    """What a definite "this request is wrong" (400, 404) on a charge means: our set-up, or a bad token."""
    known = DECLINES.get(code or "")
    if known is None:
        match (param or "").partition("[")[0]:
            case "payment_method":
                known = (_CUSTOMER, DeclineCode.INVALID_TOKEN)
            case "amount" | "line_items":
                known = (_CONFIGURATION, DeclineCode.INVALID_AMOUNT)
            case "currency":
                known = (_CONFIGURATION, DeclineCode.CURRENCY_NOT_SUPPORTED)
            case _:
                known = (_CONFIGURATION, DeclineCode.MERCHANT_CONFIGURATION)
    return _decline(*known, gateway_code=_clean(code, _CODE), network_code=None)


def refusal_to_settle(code: str | None) -> Decline:
    """A capture or void that Stripe refuses in the payment's present state."""
    return _decline(_HARD, DeclineCode.PROCESSING_ERROR, gateway_code=_clean(code, _CODE), network_code=None)


def inexpressible(code: DeclineCode) -> Decline:
    """An amount or currency that cannot be put into Stripe's units; nothing is sent."""
    return _decline(_CONFIGURATION, code, gateway_code=None, network_code=None)


def _decline(
    category: DeclineCategory, code: DeclineCode, *, gateway_code: str | None, network_code: str | None
) -> Decline:
    # Stripe's own message is left out: it may quote a token or what the customer typed.
    said = f" ({gateway_code})" if gateway_code and gateway_code != code else ""
    return Decline(
        category=category,
        code=code,
        message=f"Stripe: {code.replace('_', ' ')}{said}",
        gateway_code=gateway_code,
        network_code=_clean(network_code, _NETWORK_CODE),
    )


def _clean(code: str | None, pattern: re.Pattern[str]) -> str | None:
    """`code` where it looks like one; anything else could be text about a person."""
    return code if code is not None and pattern.fullmatch(code) else None


@lru_cache(maxsize=1000)
def _log_unmapped(code: str) -> None:
    _log.warning("gateway.unmapped_code", gateway="stripe", code=code)
