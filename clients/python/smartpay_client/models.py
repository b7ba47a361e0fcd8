"""What the API answers. Fields that a newer server adds are ignored here, and stand in `raw`."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self

Json = dict[str, Any]

FINAL = frozenset({"succeeded", "failed", "canceled", "expired"})


@dataclass(frozen=True)
class NextAction:
    """What the customer has to do: open `url` (`redirect`), or confirm on the phone (`mobile_prompt`)."""

    type: str
    url: str | None
    expires_at: datetime | None

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(data["type"], data["url"], _time(data["expires_at"]))


@dataclass(frozen=True)
class Decline:
    """Why a payment was refused. `message` is for you, not for the customer."""

    category: str
    code: str
    message: str

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(data["category"], data["code"], data["message"])


@dataclass(frozen=True)
class Attempt:
    id: str
    number: int
    gateway: str
    account: str
    status: str
    decline: Decline | None

    @classmethod
    def read(cls, data: Json) -> Self:
        decline = data["decline"]
        return cls(
            data["id"],
            data["number"],
            data["gateway"],
            data["account"],
            data["status"],
            Decline.read(decline) if decline else None,
        )


@dataclass(frozen=True)
class Checkout:
    id: str
    status: str
    review_reason: str | None
    reference: str | None
    amount: int
    currency: str
    amount_captured: int
    amount_refunded: int
    gateway: str | None
    next_action: NextAction | None
    decline: Decline | None
    attempts: tuple[Attempt, ...]
    metadata: dict[str, str]
    raw: Json = field(repr=False, compare=False)

    @property
    def final(self) -> bool:
        return self.status in FINAL

    @property
    def paid(self) -> bool:
        return self.status == "succeeded"

    @classmethod
    def read(cls, data: Json) -> Self:
        action, decline = data["next_action"], data["decline"]
        return cls(
            id=data["id"],
            status=data["status"],
            review_reason=data["review_reason"],
            reference=data["reference"],
            amount=data["amount"],
            currency=data["currency"],
            amount_captured=data["amount_captured"],
            amount_refunded=data["amount_refunded"],
            gateway=data["gateway"],
            next_action=NextAction.read(action) if action else None,
            decline=Decline.read(decline) if decline else None,
            attempts=tuple(Attempt.read(each) for each in data["attempts"]),
            metadata=data["metadata"],
            raw=data,
        )


@dataclass(frozen=True)
class Refund:
    id: str
    checkout_id: str
    amount: int
    currency: str
    status: str
    """`pending`, `succeeded` or `failed`."""
    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(
            data["id"], data["checkout_id"], data["amount"], data["currency"], data["status"], raw=data
        )


@dataclass(frozen=True)
class Page:
    """Newest first. The next part: `list_checkouts(cursor=page.next_cursor)`."""

    data: tuple[Checkout, ...]
    next_cursor: str | None

    @classmethod
    def read(cls, data: Json) -> Self:
        return cls(tuple(Checkout.read(each) for each in data["data"]), data["next_cursor"])


@dataclass(frozen=True)
class Event:
    """A notification: what had become of a checkout then. Read the checkout for the truth now."""

    id: str
    type: str
    sequence: int
    """Counts the events of one checkout; they may arrive in another order, and more than once."""
    checkout_id: str
    status: str
    data: Json = field(repr=False)

    @classmethod
    def read(cls, event: Json) -> Self:
        data = event["data"]
        return cls(event["id"], event["type"], event["sequence"], data["id"], data["status"], data)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
