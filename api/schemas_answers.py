"""What the merchants' API answers. Every field is always there; what is unknown is null."""

from datetime import UTC, datetime
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from domain.attempt import AttemptStatus
from domain.checkout import CaptureMethod, CheckoutStatus, ReviewReason
from domain.decline import DeclineCategory, DeclineCode
from domain.dispute import DisputeStatus
from domain.outcome import NextActionType
from domain.route import CountrySource, Exclusion, HealthNote

_Item = TypeVar("_Item")


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("a time without a zone")
    return value.astimezone(UTC)


def _rfc3339(value: datetime) -> str:
    return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


Time = Annotated[
    datetime,
    AfterValidator(_in_utc),
    PlainSerializer(_rfc3339, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-06-01T12:00:00.000Z"]}),
]
"""RFC 3339 in UTC, to the millisecond."""


class View(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NextActionView(View):
    """What the customer has to do."""

    type: NextActionType = Field(
        description="`redirect`: open `url` in the customer's browser. `mobile_prompt`: confirm on the phone."
    )
    url: str | None = Field(description="Where to send the browser.", examples=["https://pay.example/p/1"])
    expires_at: Time | None = Field(description="When this can no longer be done.")


class DeclineView(View):
    """Why a payment was refused."""

    category: DeclineCategory = Field(description="What may follow: see the documentation of declines.")
    code: DeclineCode = Field(description="Standard decline code.")
    message: str = Field(
        description="For the merchant, not for the customer.", examples=["Insufficient funds"]
    )
    gateway_code: str | None = Field(description="The gateway's own code.", examples=["51"])
    network_code: str | None = Field(description="The card network's code, where the gateway tells it.")


class PlannedView(View):
    """An account that may be asked, in the order of the list."""

    gateway: str = Field(examples=["flutterwave"], description="Gateway.")
    account: str = Field(examples=["flutterwave"], description="Account at the gateway.")
    reason: str = Field(
        description="`merchant_choice`, `operator_choice`, `country_override`, `rule:{name}`, `country_map` "
        "or `default`.",
        examples=["country_map"],
    )
    health: HealthNote | None = Field(
        default=None,
        description="Why it is in the plan although its circuit is not closed; null where it is.",
    )
    detail: str | None = Field(
        default=None, description="What decided its place where the policy leaves the order open."
    )


class ExcludedView(View):
    """An account that was not eligible."""

    gateway: str = Field(examples=["stripe"], description="Gateway.")
    account: str = Field(examples=["stripe"], description="Account at the gateway.")
    reason: Exclusion = Field(description="Why it is out.")


class CountrySignals(View):
    """What each source told of the payer's country."""

    bin: str | None = Field(description="The card's issuer is there.", examples=["NG"])
    ip: str | None = Field(description="The address is used there.", examples=["NG"])
    billing: str | None = Field(description="As the request told.", examples=["NG"])


class RoutingView(View):
    """How the route was found. It never changes for a checkout."""

    country: str | None = Field(description="ISO 3166-1 alpha-2, or null: unknown.", examples=["NG"])
    country_source: CountrySource = Field(description="What told the country.")
    bin: str | None = Field(description="First 6 or 8 digits of the card.", examples=["539983"])
    policy_version: int = Field(description="Version of the routing policy that decided.", examples=[7])
    signals: CountrySignals = Field(description="All that was told about the country, whichever decided.")
    disagreement: bool = Field(description="Two of the signals contradict each other.", examples=[False])
    network: str | None = Field(description="The card's network, by its BIN.", examples=["mastercard"])
    plan: list[PlannedView] = Field(description="Who may be asked, in this order.")
    excluded: list[ExcludedView] = Field(description="Who may not.")
    blocked_by: str | None = Field(
        description="Name of the rule that refuses the checkout; then nobody is asked.", examples=[None]
    )


class AttemptView(View):
    """One account asked for the money. Amounts in minor units."""

    id: str = Field(
        description="Also the reference that the gateway knows.",
        examples=["att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"],
    )
    number: int = Field(description="From 1.", examples=[1])
    gateway: str = Field(description="Gateway.", examples=["flutterwave"])
    account: str = Field(description="Account at the gateway.", examples=["flutterwave"])
    status: AttemptStatus = Field(description="How it stands with the gateway.")
    gateway_payment_id: str | None = Field(description="The gateway's own id.", examples=["4567890"])
    decline: DeclineView | None = Field(description="Why it was refused, if it was.")
    amount_captured: int = Field(description="Taken by this attempt.", examples=[12500])
    amount_refunded: int = Field(description="Given back of it.", examples=[0])
    created_at: Time = Field(description="When it began.")
    ended_at: Time | None = Field(description="When its outcome was known for certain.")


class DisputeView(View):
    """The customer's bank asks for the money back."""

    id: str = Field(description="Sortable by time.", examples=["dp_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    attempt_id: str = Field(
        description="The disputed attempt.", examples=["att_01jdk2m3xv8q4w7y9z0a1b2c3d_1"]
    )
    gateway_dispute_id: str = Field(description="The gateway's own id.", examples=["du_1MtJUT2eZvKYlo2C"])
    status: DisputeStatus = Field(description="As the gateway tells it. `won`, `lost` and `closed` are ends.")
    amount: int = Field(description="Minor units of `currency`.", examples=[12500])
    currency: str = Field(description="ISO 4217.", examples=["NGN"])
    reason: str | None = Field(description="The gateway's word for it.", examples=["fraudulent"])
    opened_at: Time = Field(description="When the gateway opened it.")
    closed_at: Time | None = Field(description="When its end was seen.")


class CustomerView(View):
    """The payer, as the request told."""

    email: str | None = Field(description="E-mail address.", examples=["customer@example.com"])
    name: str | None = Field(description="Name.", examples=["A. Customer"])
    phone: str | None = Field(description="E.164.", examples=["+2348031234567"])
    ip: str | None = Field(description="Address of the browser or phone.", examples=["41.58.0.1"])
    country: str | None = Field(description="Billing country, ISO 3166-1 alpha-2.", examples=["NG"])


class Checkout(View):
    """A checkout and everything that happened to it."""

    id: str = Field(description="Sortable by time.", examples=["co_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    object: Literal["checkout"] = Field(default="checkout", description="Always `checkout`.")
    status: CheckoutStatus = Field(
        description="`succeeded`, `failed`, `canceled` and `expired` are final; refunds do not change it."
    )
    review_reason: ReviewReason | None = Field(description="Why it is `in_review`.")
    reference: str | None = Field(description="The merchant's own name for it.", examples=["order-1001"])
    amount: int = Field(description="Minor units (ISO 4217 exponent).", examples=[12500])
    currency: str = Field(description="ISO 4217.", examples=["NGN"])
    amount_captured: int = Field(description="Taken by the winning attempt.", examples=[12500])
    amount_refunded: int = Field(description="Given back of it.", examples=[0])
    gateway: str | None = Field(description="Gateway of the winning attempt.", examples=["flutterwave"])
    capture_method: CaptureMethod = Field(description="As requested.")
    next_action: NextActionView | None = Field(description="What the customer has to do, if anything.")
    decline: DeclineView | None = Field(description="Why it failed, if a decline ended it.")
    routing: RoutingView | None = Field(description="Null until the route is planned.")
    attempts: list[AttemptView] = Field(description="In their order.")
    disputes: list[DisputeView] = Field(description="Oldest first; mostly none.")
    customer: CustomerView = Field(description="As requested.")
    metadata: dict[str, str] = Field(description="As requested.", examples=[{"cart": "42"}])
    created_at: Time = Field(description="When it was accepted.")
    updated_at: Time = Field(description="When it last changed.")


class Page(View, Generic[_Item]):
    """Part of a list, newest first. Ask for the next part with `cursor=next_cursor`."""

    object: Literal["list"] = Field(default="list", description="Always `list`.")
    data: list[_Item] = Field(description="The entries.")
    has_more: bool = Field(description="Whether more follow.")
    next_cursor: str | None = Field(description="Where the next part begins; null at the end.")
