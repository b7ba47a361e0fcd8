"""What routing has to know of a checkout."""

from pydantic import BaseModel, ConfigDict, Field

from domain.checkout import CaptureMethod, Customer, PaymentMethod


class RouteRequest(BaseModel):
    """One checkout, as far as it decides on accounts. `amount` in minor units of `currency`."""

    model_config = ConfigDict(frozen=True)

    amount: int = Field(ge=0)
    currency: str
    method: PaymentMethod = PaymentMethod()
    customer: Customer = Customer()
    capture_method: CaptureMethod = CaptureMethod.AUTOMATIC
    allow_redirect: bool = False
    """A card without a token for a gateway may become that gateway's page."""
    checkout_id: str | None = None
    """Decides where in a volume split it falls."""
    merchant: str | None = None
    """Id of the merchant."""
    metadata: dict[str, str] = Field(default_factory=dict)
    gateway: str | None = None
    """The merchant's choice: an account, or a gateway (then all its accounts)."""
    challenge: bool = False
    """Strong customer authentication must be asked for."""
