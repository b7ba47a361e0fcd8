"""What a merchant's API key may do."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class KeyScope(StrEnum):
    """One permission of an API key. A key that is not limited has them all, those of later versions too."""

    CHECKOUTS_WRITE = "checkouts:write"
    """Create, capture and cancel checkouts."""
    CHECKOUTS_READ = "checkouts:read"
    """Read checkouts and refunds."""
    REFUNDS_WRITE = "refunds:write"
    """Give money back."""
    ROUTING_READ = "routing:read"
    """Ask which route a checkout would get."""


class Caller(BaseModel):
    """Who holds a live key."""

    model_config = ConfigDict(frozen=True)

    merchant_id: str
    key_id: str
    scopes: frozenset[KeyScope] | None
    """None: all."""

    def may(self, scope: KeyScope) -> bool:
        return self.scopes is None or scope in self.scopes
