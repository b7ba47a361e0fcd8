"""A gateway that takes another amount or another currency than it was asked for."""

from typing import Final

from sandbox.exchange import Call
from sandbox.vocabulary import FaultKind

SURPLUS: Final = 100
"""Minor units on top where the amount is wrong: valid in every gateway's own unit."""


def twisted(call: Call, amount: int, currency: str) -> tuple[int, str]:
    """amount (ISO minor units) and currency of the payment that is made in fact."""
    if call.suffers(FaultKind.WRONG_AMOUNT):
        return amount + SURPLUS, currency
    if call.suffers(FaultKind.WRONG_CURRENCY):
        return amount, "USD" if currency != "USD" else "EUR"
    return amount, currency
