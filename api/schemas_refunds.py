"""What the refund calls take and answer."""

import hashlib
import json
from typing import Literal

from pydantic import Field

from api.schemas import Body
from api.schemas_answers import Time, View
from api.schemas_fields import Amount, Reason
from domain.refund import RefundFailure, RefundState


class RefundBody(Body):
    """`POST /v1/checkouts/{id}/refunds`. May be left out: everything that is left goes back."""

    amount: Amount | None = Field(
        default=None, description="Minor units; everything that is left if left out.", examples=[5000]
    )
    reason: Reason | None = Field(
        default=None, description="For the record.", examples=["returned by the customer"]
    )

    def fingerprint(self, checkout_id: str) -> bytes:
        """SHA-256 of what was asked for, of which checkout: tells a repeat from another request (I17)."""
        asked = {"checkout": checkout_id, **self.model_dump(mode="json", exclude_defaults=True)}
        return hashlib.sha256(json.dumps(asked, sort_keys=True, separators=(",", ":")).encode()).digest()


class RefundFailureView(View):
    """Why it failed."""

    code: RefundFailure = Field(
        description="`failed_at_gateway`: taken, perhaps called succeeded, and not brought home. Never taken:"
        " `refused_by_gateway`, `already_refunded` (less is left there), `payment_disputed`."
    )
    message: str | None = Field(description="For the merchant, not for the customer.")


class Refund(View):
    """(Part of) a captured payment on its way back."""

    id: str = Field(description="Sortable by time.", examples=["re_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    object: Literal["refund"] = Field(default="refund", description="Always `refund`.")
    checkout_id: str = Field(description="The checkout.", examples=["co_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    attempt_id: str = Field(
        description="The attempt whose money goes back.", examples=["att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"]
    )
    amount: int = Field(description="Minor units.", examples=[5000])
    currency: str = Field(description="ISO 4217, the checkout's.", examples=["NGN"])
    status: RefundState = Field(
        description="`pending` until the gateway has decided, which may take days. `failed` is final;"
        " `succeeded` becomes `failed` where the gateway takes it back."
    )
    reason: str | None = Field(description="As requested.", examples=["returned by the customer"])
    failure: RefundFailureView | None = Field(description="Why it failed, if it did.")
    created_at: Time = Field(description="When it was accepted.")
    updated_at: Time = Field(description="When it last changed.")
