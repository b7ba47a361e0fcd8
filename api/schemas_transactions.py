"""What the panel's pages about checkouts take and answer."""

from enum import StrEnum
from typing import Any

from pydantic import Field, StrictBool

from api.schemas import Body
from api.schemas_admin import Why
from api.schemas_answers import AttemptView, Checkout, Time, View
from api.schemas_fields import Amount, GatewayName
from api.schemas_refunds import Refund
from domain.checkout import CheckoutStatus, MethodType, ReviewReason
from domain.notification import NotificationType
from domain.refund import RefundKind
from domain.route import Exclusion


class CheckoutRow(View):
    """A checkout in the list, and in the stream of changes."""

    id: str = Field(description="Sortable by time.", examples=["co_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    merchant: str = Field(description="The merchant's name.", examples=["Shop"])
    reference: str | None = Field(description="The merchant's own name for it.", examples=["order-1001"])
    status: CheckoutStatus = Field(description="Where it stands.")
    review_reason: ReviewReason | None = Field(description="Why it is `in_review`.")
    amount: int = Field(description="Minor units (ISO 4217 exponent).", examples=[12500])
    currency: str = Field(description="ISO 4217.", examples=["NGN"])
    amount_captured: int = Field(description="Taken by the winning attempt.", examples=[12500])
    amount_refunded: int = Field(description="Given back of it.", examples=[0])
    gateway: str | None = Field(description="Gateway of the winning attempt.", examples=["flutterwave"])
    account: str | None = Field(description="Account of the winning attempt.", examples=["flutterwave"])
    attempts: list[str] = Field(description="The accounts asked so far, in their order.")
    country: str | None = Field(description="Where the payer is taken to be.", examples=["NG"])
    method: MethodType = Field(description="How the customer pays.")
    bin: str | None = Field(description="First 6 or 8 digits of the card.", examples=["539983"])
    email: str | None = Field(description="The payer's.", examples=["customer@example.com"])
    decline_code: str | None = Field(description="Why it failed, if a decline ended it.")
    created_at: Time = Field(description="When it was accepted.")
    updated_at: Time = Field(description="When it last changed.")


class Action(StrEnum):
    """What an operator may ask for as the checkout stands; the role decides who."""

    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    NEXT_GATEWAY = "next_gateway"
    DECIDE = "decide"


class MerchantView(View):
    """Whose checkout it is."""

    id: str = Field(description="Id of the merchant.", examples=["mer_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    name: str = Field(description="For people.", examples=["Shop"])


class MethodView(View):
    """How the customer pays. Never a token."""

    type: MethodType = Field(description="As requested.")
    bin: str | None = Field(description="First 6 or 8 digits of the card.")
    network: str | None = Field(description="The mobile network.")
    tokens_for: list[str] = Field(description="The gateways or accounts that a card token was given for.")


class AttemptDetail(AttemptView):
    """An attempt with what operators see of it."""

    method: MethodType = Field(description="How this account was asked.")
    sends: int = Field(description="How often it was sent, under one key.", examples=[1])
    sent_at: Time | None = Field(
        description="When the first send that may have left was committed; null: provably nothing left."
    )
    last_sent_at: Time | None = Field(description="When the last one was.")
    has_page: bool = Field(description="The customer was handed a page of the gateway.")
    closed_at: Time | None = Field(description="When the gateway confirmed that its page is closed.")
    expires_at: Time | None = Field(description="Until when the customer may act.")
    detail: str | None = Field(description="The last unclear or unexpected answer, in words.")
    amount_reserved: int = Field(description="Refunds under way.", examples=[0])


class RefundDetail(Refund):
    """A refund with what operators see of it."""

    kind: RefundKind = Field(description="Who asked: the merchant (or an operator for it), or a watcher.")
    gateway_refund_id: str | None = Field(description="The gateway's own id.")
    sends: int = Field(description="How often it was sent, under one key.", examples=[1])
    sent_at: Time | None = Field(description="When the first send was committed.")


class TimelineEntry(View):
    """Something that happened."""

    at: Time = Field(description="When.")
    kind: str = Field(description="Stable name of it.", examples=["attempt.sent"])
    attempt_id: str | None = Field(description="The attempt that it is about.")
    text: str = Field(
        description="In plain words. It is text, never markup.", examples=["Sent to flutterwave."]
    )
    data: dict[str, Any] = Field(description="The figures behind the words; no personal data, no secret.")


class WebhookView(View):
    """A gateway's webhook about this checkout. Bodies and signatures are not kept."""

    id: str = Field(description="Id in the inbox.")
    account: str = Field(description="Whose address it came to.")
    kind: str = Field(description="The gateway's name for it.", examples=["payment_intent.succeeded"])
    subject: str = Field(description="What it is about.", examples=["payment"])
    reference: str | None = Field(description="The attempt that it names.")
    payment_id: str | None = Field(description="The gateway's payment that it names.")
    received_at: Time = Field(description="When it came.")
    delivered_at: Time | None = Field(description="When the run was told, or nobody was left to tell.")
    disposition: str | None = Field(description="What was done with it.")


class NotificationView(View):
    """What the merchant was told, or is yet to be."""

    id: str = Field(description="Also the event's id there.", examples=["evt_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    sequence: int = Field(description="From 1, in the order in which things happened.")
    type: NotificationType = Field(description="What it tells.")
    url: str = Field(description="Where it goes.")
    created_at: Time = Field(description="When it was written.")
    attempts: int = Field(description="Deliveries tried.")
    last_attempt_at: Time | None = Field(description="When the last one was.")
    last_status: int | None = Field(description="HTTP status of the last answer.")
    last_fault: str | None = Field(description="Why the last one got no answer.")
    delivered_at: Time | None = Field(description="When it was taken.")
    gave_up_at: Time | None = Field(description="When it was given up; it can be sent again.")


class RecordView(View):
    """What a person did to it."""

    at: Time = Field(description="When.")
    actor: str = Field(description="An operator's id, or `cli:` and the user of a shell.")
    name: str | None = Field(description="The operator's name.")
    action: str = Field(description="What was done.", examples=["checkout.refund_requested"])
    reason: str | None = Field(description="Why, in that person's words.")
    after: dict[str, Any] | None = Field(description="The figures.")


class Candidate(View):
    """An account, and whether the next attempt could go there."""

    gateway: str = Field(description="Gateway.", examples=["stripe"])
    account: str = Field(description="Account at the gateway.", examples=["stripe"])
    exclusion: Exclusion | None = Field(description="Why not; null: it could.")


class NextGateway(View):
    """The operator's choice for the next attempt, until it is taken."""

    account: str = Field(description="Who is asked next.", examples=["stripe"])


class CheckoutDetail(View):
    """Everything about a checkout."""

    checkout: Checkout = Field(description="As the merchant sees it.")
    merchant: MerchantView = Field(description="Whose it is.")
    account: str | None = Field(description="Account of the winning attempt.")
    method: MethodView = Field(description="How the customer pays.")
    allow_redirect: bool = Field(description="As requested.")
    gateway_choice: str | None = Field(description="The gateway that the merchant asked for.")
    return_url: str | None = Field(description="As requested.")
    notification_url: str | None = Field(description="As requested.")
    attempts: list[AttemptDetail] = Field(description="In their order.")
    refunds: list[RefundDetail] = Field(description="Newest first, compensations too.")
    timeline: list[TimelineEntry] = Field(description="Everything that happened, oldest first.")
    webhooks: list[WebhookView] = Field(description="Oldest first.")
    notifications: list[NotificationView] = Field(description="In their order.")
    record: list[RecordView] = Field(description="What people did, oldest first.")
    candidates: list[Candidate] = Field(
        description="Every account, as the next attempt would find it; empty once the checkout has ended."
    )
    next_gateway: NextGateway | None = Field(description="What was chosen by hand and not yet taken.")
    actions: list[Action] = Field(description="What its state allows now.")
    temporal_url: str | None = Field(description="Its run in Temporal's web UI, where one is configured.")


class CaptureActionBody(Body):
    """`POST /v1/admin/checkouts/{id}/capture`."""

    amount: Amount | None = Field(
        default=None, description="Minor units; everything authorized if left out.", examples=[12500]
    )
    reason: Why = Field(description="Why, for the record.", examples=["shipped, the shop's call failed"])


class CancelActionBody(Body):
    """`POST /v1/admin/checkouts/{id}/cancel`."""

    reason: Why = Field(description="Why, for the record.", examples=["the customer called"])


class RefundActionBody(Body):
    """`POST /v1/admin/checkouts/{id}/refunds`."""

    amount: Amount | None = Field(
        default=None, description="Minor units; everything that is left if left out.", examples=[5000]
    )
    reason: Why = Field(description="Why, for the record and for the merchant.", examples=["paid twice"])


class ResendBody(Body):
    """`POST /v1/admin/checkouts/{id}/notifications/{notification_id}/resend`."""

    reason: Why = Field(description="Why, for the record.", examples=["the shop lost it"])


class NextGatewayBody(Body):
    """`POST /v1/admin/checkouts/{id}/next-gateway`."""

    account: GatewayName = Field(description="The account to ask next.", examples=["stripe"])
    close_page: StrictBool = Field(
        default=False,
        description="Close what the customer sees now and go on at once; `false`: only if the present attempt"
        " ends without money by itself.",
    )
    reason: Why = Field(description="Why, for the record.", examples=["the gateway's page is broken"])
