"""The switches by which an operator freezes a kind of sending, for everything or for one account."""

from enum import StrEnum


class Switch(StrEnum):
    """What is frozen. Finding out what became of a send, releasing an authorization and closing a page are
    never frozen."""

    CHARGES = "charges"
    """Charges and captures."""
    FAILOVER = "failover"
    """Asking an account after another one has definitely taken nothing."""
    REFUNDS = "refunds"
    """Refunds that merchants ask for."""
    COMPENSATION = "compensation"
    """Giving back what an abandoned attempt took."""


EVERYTHING = ""
"""In place of an account: all of them."""


def subject_of(switch: Switch, account: str) -> str:
    """The name of a switch in records and alerts: `charges`, or `charges/stripe-eu`."""
    return f"{switch}/{account}" if account else str(switch)
