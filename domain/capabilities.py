"""What a gateway can do, as data: routing, docs, the panel and the contract tests all read this."""

from datetime import timedelta

from pydantic import BaseModel, ConfigDict, Field

from domain.checkout import CaptureMethod, MethodType


class Capabilities(BaseModel):
    """A gateway's declaration. Durations carry their source in the adapter that states them."""

    model_config = ConfigDict(frozen=True)

    name: str
    display_name: str
    methods: frozenset[MethodType]
    captures: frozenset[CaptureMethod]
    currencies: frozenset[str]
    """ISO 4217 codes that it charges in."""
    mobile_money: dict[str, frozenset[str]] = Field(default_factory=dict)
    """Currency -> mobile networks that it prompts ("" where the network need not be named)."""
    minimum: dict[str, int] = Field(default_factory=dict)
    """Currency -> smallest amount in minor units, where one is documented."""
    maximum: dict[str, int] = Field(default_factory=dict)
    customer_fields: frozenset[str] = frozenset()
    """Names of `Customer` fields without which it takes no payment."""
    partial_capture: bool = False
    partial_refund: bool = True
    challenge: bool = False
    """It can be asked for strong customer authentication (3-D Secure)."""
    key_life: timedelta | None
    """How long its idempotency keys protect a resend; None: it has none and is never sent twice."""
    fence: bool
    """A confirmed close means that nothing can be paid any more."""
    closes_pages: bool = True
    """An open page can be closed by us; if not, it stays payable until it ends by itself, and is watched."""
    told_by_webhook: bool = False
    """It cannot be asked what became of a card payment: its look-ups know what its signed webhooks have told,
    and what is unclear is sent again under its key."""
    settles_later: bool = False
    """Captures, voids and refunds are only accepted at first; a webhook tells what came of them."""
    lists_payments: bool = True
    """Its payments can be listed, so that the account can be reconciled."""
    quiet_period: timedelta
    """After the last send, how long until "not found" may be believed."""
    authorization_life: timedelta | None = None
    """How long an uncaptured authorization lives."""


class Account(BaseModel):
    """One set of credentials at a gateway, as routing sees it."""

    model_config = ConfigDict(frozen=True)

    name: str
    capabilities: Capabilities
    has_credentials: bool

    @property
    def gateway(self) -> str:
        return self.capabilities.name
