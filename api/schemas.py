"""What the merchants' API takes. Unknown fields are refused; `null` is the same as leaving a field out."""

import hashlib
import json
from typing import Annotated, Any, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from api.addresses import RefusedAddress, notification_url, return_url
from api.errors import InvalidRequest, refused
from api.schemas_fields import (
    Amount,
    Bin,
    Country,
    Currency,
    Email,
    GatewayName,
    Ip,
    MetadataKey,
    MetadataValue,
    Name,
    Network,
    NotificationUrl,
    Phone,
    Reason,
    Reference,
    ReturnUrl,
    Token,
)
from domain.checkout import CaptureMethod, Customer, MethodType, PaymentMethod


class Body(BaseModel):
    """Base of every request body."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _null_is_absent(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        optional = {name for name, field in cls.model_fields.items() if not field.is_required()}
        return {name: value for name, value in data.items() if value is not None or name not in optional}


class CustomerBody(Body):
    """The payer, as far as known. Some gateways need the e-mail, mobile money needs the phone."""

    email: Email | None = Field(default=None, examples=["customer@example.com"])
    name: Name | None = Field(default=None, examples=["A. Customer"])
    phone: Phone | None = Field(
        default=None,
        description="With country code (E.164); spaces and dashes are dropped.",
        examples=["+2348031234567"],
    )
    ip: Ip | None = Field(
        default=None,
        description="Address of the customer's browser or phone, one of three signs of the country.",
        examples=["41.58.0.1"],
    )
    country: Country | None = Field(
        default=None, description="Billing country, ISO 3166-1 alpha-2 in upper case.", examples=["NG"]
    )

    def to_domain(self) -> Customer:
        return Customer(email=self.email, name=self.name, phone=self.phone, ip=self.ip, country=self.country)


class PaymentMethodBody(Body):
    """How the customer pays. Never a card number: tokens, or a page of the gateway."""

    type: MethodType = Field(
        default=MethodType.HOSTED,
        description="`hosted`: on the gateway's page. `card`: by `tokens`. `mobile_money`: by a prompt.",
    )
    bin: Bin | None = Field(
        default=None,
        description="First 6 or 8 digits of the card, as the gateway's field tells them.",
        examples=["539983"],
    )
    tokens: Annotated[dict[GatewayName, Token], Field(max_length=10)] = Field(
        default={},
        description="Gateway -> the token that its own client-side field issued.",
        examples=[{"stripe": "pm_card_visa"}],
    )
    network: Network | None = Field(
        default=None, description="Mobile network, where the gateway asks for it.", examples=["MTN"]
    )
    phone: Phone | None = Field(
        default=None,
        description="The number to prompt; the customer's phone if left out.",
        examples=["+256772123456"],
    )


class Accepted(NamedTuple):
    """A checkout request in the domain's words, its addresses judged by the deployment's settings."""

    customer: Customer
    payment_method: PaymentMethod
    return_url: str | None
    notification_url: str | None


class CheckoutRequest(Body):
    """`POST /v1/checkouts`. Only `amount` and `currency` are required."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reference": "order-1001",
                    "amount": 12500,
                    "currency": "NGN",
                    "customer": {"email": "customer@example.com", "ip": "41.58.0.1", "country": "NG"},
                    "payment_method": {
                        "type": "card",
                        "bin": "539983",
                        "tokens": {"stripe": "pm_card_visa", "flutterwave": "flw-t1nf-success"},
                    },
                    "return_url": "https://shop.example/return",
                    "notification_url": "https://shop.example/hooks",
                    "metadata": {"cart": "42"},
                }
            ]
        }
    )

    amount: Amount = Field(
        description="Integer count of the currency's minor units (ISO 4217 exponent): 12500 is NGN 125.00.",
        examples=[12500],
    )
    currency: Currency = Field(description="ISO 4217, upper case.", examples=["NGN"])
    reference: Reference | None = Field(
        default=None, description="The merchant's own name for the purchase.", examples=["order-1001"]
    )
    customer: CustomerBody = Field(default=CustomerBody(), description="The payer, as far as known.")
    payment_method: PaymentMethodBody = Field(
        default=PaymentMethodBody(), description="How the customer pays."
    )
    allow_redirect: StrictBool = Field(
        default=True,
        description="Whether a gateway without a token for this card may open its own page instead.",
    )
    capture_method: CaptureMethod = Field(
        default=CaptureMethod.AUTOMATIC, description="`manual`: authorize now, capture by a later call."
    )
    return_url: ReturnUrl | None = Field(
        default=None,
        description="Where the customer's browser comes back to: https, a public host, no fragment.",
        examples=["https://shop.example/return"],
    )
    notification_url: NotificationUrl | None = Field(
        default=None,
        description="Where events go, signed: https on port 80, 443 or 8000 to 9999 of a public host.",
        examples=["https://shop.example/hooks"],
    )
    gateway: GatewayName | None = Field(
        default=None, description="Ask for one gateway instead of the routed ones.", examples=["stripe"]
    )
    metadata: Annotated[dict[MetadataKey, MetadataValue], Field(max_length=50)] = Field(
        default={},
        description="At most 50 texts of the merchant's own: keys to 40, values to 500 characters.",
        examples=[{"cart": "42"}],
    )

    @model_validator(mode="after")
    def _mobile_money_has_a_number(self) -> Self:
        method = self.payment_method
        if method.type is MethodType.MOBILE_MONEY and not (method.phone or self.customer.phone):
            raise refused("missing", "is required for mobile money", path="/payment_method/phone")
        return self

    def to_domain(self, *, allow_loopback: bool = False) -> Accepted:
        """Raises InvalidRequest where an address means this machine and `allow_loopback` is off."""
        method = self.payment_method
        mobile = method.type is MethodType.MOBILE_MONEY
        return Accepted(
            customer=self.customer.to_domain(),
            payment_method=PaymentMethod(
                type=method.type,
                bin=method.bin,
                tokens=dict(method.tokens),
                network=method.network,
                phone=method.phone or (self.customer.phone if mobile else None),
            ),
            return_url=self._address("return_url", allow_loopback=allow_loopback),
            notification_url=self._address("notification_url", allow_loopback=allow_loopback),
        )

    def _address(self, field: str, *, allow_loopback: bool) -> str | None:
        check = {"return_url": return_url, "notification_url": notification_url}[field]
        text: str | None = getattr(self, field)
        if text is None:
            return None
        try:
            return check(text, allow_loopback=allow_loopback)
        except RefusedAddress as error:
            raise InvalidRequest.at(f"/{field}", error.code, str(error)) from None

    def fingerprint(self) -> str:
        """SHA-256 (hex) of what was asked for: equal for equal requests, however they were written.

        Tells a repeat under an idempotency key from another request (I17). Defaults are left out, so that a
        field added later changes no stored fingerprint.
        """
        asked = self.model_dump(mode="json", exclude_defaults=True)
        canonical = json.dumps(asked, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()


class CaptureBody(Body):
    """`POST /v1/checkouts/{id}/capture`. May be left out."""

    amount: Amount | None = Field(
        default=None, description="Minor units; everything authorized if left out.", examples=[12500]
    )


class CancelBody(Body):
    """`POST /v1/checkouts/{id}/cancel`. May be left out."""

    reason: Reason | None = Field(
        default=None, description="For the record.", examples=["requested by the customer"]
    )
