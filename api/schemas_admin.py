"""What operators' calls take and answer."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, StrictBool

from api.schemas import Body
from api.schemas_answers import Time, View
from api.schemas_fields import Email, Reason, Reference
from domain.operator import Role
from domain.switches import Switch
from storage.audit_log import Result
from workflows.messages import Decision

Why = Annotated[Reason, AfterValidator(str.strip)]
"""Why, for the record: who reads it later was not there."""


class OperatorView(View):
    """An operator."""

    id: str = Field(description="Id of the operator.", examples=["op_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    name: str = Field(description="For people.", examples=["Ada"])
    role: Role = Field(description="What it may do: each role may do what the ones before it may.")


class SwitchBody(Body):
    """`PUT /v1/admin/switches/...`."""

    frozen: StrictBool = Field(description="`true`: stop; `false`: go on.")
    reason: Why = Field(
        description="Why, for the record.", examples=["double charges reported at this account"]
    )


class SwitchView(View):
    """One switch."""

    kind: Switch = Field(description="What it stops.")
    account: str | None = Field(
        description="The account that it is about; null: all of them.", examples=["stripe"]
    )
    frozen: bool = Field(description="Whether it is stopped.")
    reason: str | None = Field(description="Why it is stopped.")
    actor: str | None = Field(
        description="Who stopped it: an operator's id, or `cli:` and the user of a shell.",
        examples=["op_01jdk2m3xv8q4w7y9z0a1b2c3d"],
    )
    name: str | None = Field(description="The operator's name.", examples=["ada"])
    since: Time | None = Field(description="Since when it is stopped.")


class Switches(View):
    """All switches."""

    data: list[SwitchView] = Field(
        description="The four for everything, then those of single accounts that are stopped."
    )


class DecideBody(Body):
    """`POST /v1/admin/checkouts/{id}/decide`."""

    decision: Decision = Field(
        description="`not_paid`: the gateway has confirmed that it took nothing, the checkout fails. "
        "`look_again`: ask the gateway now. For a review of the risk: `approve`, the checkout goes on; "
        "`decline`, it fails and nothing is sent."
    )
    reason: Why = Field(
        description="How it is known, for the record.", examples=["confirmed by the gateway, case 4711"]
    )


class AlertDeliveryView(View):
    """Telling one target of `ALERT_URLS`."""

    target: str = Field(description="Its kind and a digest.", examples=["slack-1f3a9c02"])
    attempts: int = Field(description="How often it was tried.")
    delivered_at: Time | None = Field(description="When it took the alert.")
    gave_up_at: Time | None = Field(description="When a day of tries was over.")
    last_error: str | None = Field(description="What came of the last try.", examples=["failure"])


class AlertView(View):
    """Something that a person has to know."""

    id: str = Field(description="Id of the alert.", examples=["alr_01jdk2m3xv8q4w7y9z0a1b2c3d"])
    kind: str = Field(description="What happened.", examples=["attempt.late_success"])
    subject: str = Field(
        description="What it is about: the id of a checkout, attempt or refund, an account, a switch."
    )
    message: str = Field(description="For people.")
    created_at: Time = Field(description="When it was raised.")
    acknowledged_at: Time | None = Field(description="When somebody took note of it.")
    deliveries: list[AlertDeliveryView] = Field(description="Whom it was told to.")


class AuditEntryView(View):
    """An entry of the audit log."""

    id: int = Field(description="Its number, as `smartpay audit verify` names it.")
    at: Time = Field(description="When.")
    actor: str = Field(
        description="Who: an operator's id, `cli:` and the user of a shell, `system`, or `database:` and the "
        "user who changed a row by hand."
    )
    action: str = Field(description="What was done.", examples=["switch.frozen", "checkout.succeeded"])
    subject: str = Field(description="Id or name of what it was done to.")
    checkout_id: str | None = Field(description="The checkout that a transition belongs to.")
    result: Result = Field(description="Whether it was done.")
    origin: str = Field(description="From where.", examples=["api 203.0.113.7", "smartpay worker"])
    before: dict[str, Any] | None = Field(description="What was.")
    after: dict[str, Any] | None = Field(description="What is from then on.")
    reason: str | None = Field(description="Why, as the actor said.")


class CodecPayloads(Body):
    """`POST /v1/admin/codec/decode`, both ways."""

    payloads: list[dict[str, Any]] = Field(
        max_length=500, description="Payloads (temporal.api.common.v1.Payload) as protobuf JSON."
    )


class EraseBody(Body):
    """`POST /v1/admin/customers/erase`."""

    merchant: Reference = Field(description="The merchant's id or name.")
    email: Email = Field(description="The customer's e-mail address.")
    reason: Why = Field(description="Why, for the record.", examples=["asked for by the customer, case 4711"])


class Erased(View):
    """What was erased."""

    checkouts: int = Field(description="Checkouts that lost their personal fields.")
