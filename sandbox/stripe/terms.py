"""How much, in what, taken when: the parameters that PaymentIntents and sessions share."""

from typing import Literal, cast

from sandbox.stripe.errors import invalid
from sandbox.stripe.money import BadAmount, check, supported
from sandbox.stripe.parameters import Parameters


def money_in(given: Parameters) -> tuple[int, str]:
    """amount and currency of a payment that Stripe would take."""
    text = given.required("amount")
    amount = given.integer("amount") or 0
    if amount < 1:
        raise invalid(
            f"This value must be greater than or equal to 1: {text}",
            code="parameter_invalid_integer",
            param="amount",
        )
    currency = currency_in(given)
    checked(amount, currency, "amount")
    return amount, currency


def currency_in(given: Parameters) -> str:
    currency = given.required("currency").upper()
    if not supported(currency):
        raise invalid(
            f"Invalid currency: {currency.lower()}. Stripe does not support it: see "
            "https://docs.stripe.com/currencies.",
            param="currency",
        )
    return currency


def capture_method(given: Parameters) -> Literal["automatic", "automatic_async", "manual"]:
    """Default: automatic."""
    value = given.text("capture_method", choices="automatic automatic_async manual") or "automatic"
    return cast("Literal['automatic', 'automatic_async', 'manual']", value)


def checked(amount: int, currency: str, param: str) -> None:
    """Raises Refusal for an amount that Stripe does not charge."""
    try:
        check(amount, currency)
    except BadAmount as bad:
        raise invalid(str(bad), code=bad.code, param=param) from None
