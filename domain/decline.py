"""Why a payment was refused, in the field's standard names."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class DeclineCategory(StrEnum):
    """What may follow a decline."""

    SOFT = "soft"
    """May pass elsewhere or later: the next account may be tried."""
    HARD = "hard"
    """The issuer will not pay, anywhere: stop."""
    FRAUD = "fraud"
    """Suspected fraud: stop, and say nothing to the customer."""
    CUSTOMER = "customer"
    """The customer can correct it (wrong CVC, expired card): ask the customer."""
    AUTHENTICATION = "authentication"
    """Strong customer authentication was needed or failed: ask the customer."""
    CONFIGURATION = "configuration"
    """Our own set-up at this account: alert, and try the next account."""


class DeclineCode(StrEnum):
    """Standard decline codes. A gateway's own code is kept beside it in `gateway_code`."""

    AUTHENTICATION_FAILED = "authentication_failed"
    AUTHENTICATION_REQUIRED = "authentication_required"
    AMOUNT_LIMIT_EXCEEDED = "amount_limit_exceeded"
    BLOCKED_BY_RULE = "blocked_by_rule"
    CARD_LOST_OR_STOLEN = "card_lost_or_stolen"
    CARD_NOT_SUPPORTED = "card_not_supported"
    CARD_RESTRICTED = "card_restricted"
    CURRENCY_NOT_SUPPORTED = "currency_not_supported"
    CUSTOMER_ABANDONED = "customer_abandoned"
    DO_NOT_HONOR = "do_not_honor"
    DUPLICATE_TRANSACTION = "duplicate_transaction"
    EXPIRED_CARD = "expired_card"
    GATEWAY_UNAVAILABLE = "gateway_unavailable"
    GENERIC_DECLINE = "generic_decline"
    INSUFFICIENT_FUNDS = "insufficient_funds"
    INVALID_ACCOUNT = "invalid_account"
    INVALID_AMOUNT = "invalid_amount"
    INVALID_CVC = "invalid_cvc"
    INVALID_EXPIRY = "invalid_expiry"
    INVALID_NUMBER = "invalid_number"
    INVALID_PHONE = "invalid_phone"
    INVALID_PIN = "invalid_pin"
    INVALID_TOKEN = "invalid_token"
    ISSUER_UNAVAILABLE = "issuer_unavailable"
    MERCHANT_CONFIGURATION = "merchant_configuration"
    NO_ELIGIBLE_GATEWAY = "no_eligible_gateway"
    PROCESSING_ERROR = "processing_error"
    START_EXPIRED = "start_expired"
    SUSPECTED_FRAUD = "suspected_fraud"
    TRANSACTION_NOT_PERMITTED = "transaction_not_permitted"
    VELOCITY_EXCEEDED = "velocity_exceeded"


class Decline(BaseModel):
    """A definite refusal: the gateway took no money for this attempt and will not."""

    model_config = ConfigDict(frozen=True)

    category: DeclineCategory
    code: DeclineCode
    message: str = Field(max_length=500)
    """For the operator, in plain words; never shown to the customer as it is."""
    gateway_code: str | None = Field(default=None, max_length=100)
    network_code: str | None = Field(default=None, max_length=20)

    @property
    def next_account_may_try(self) -> bool:
        return self.category in (DeclineCategory.SOFT, DeclineCategory.CONFIGURATION)

    @property
    def customer_may_correct(self) -> bool:
        return self.category in (DeclineCategory.CUSTOMER, DeclineCategory.AUTHENTICATION)
