"""What the operators' calls about the routing policy take and answer."""

from typing import Annotated, Any, Final

from pydantic import Field

from api.schemas import Body
from api.schemas_answers import Time, View
from api.schemas_fields import Reason
from routing.policy_validation import Finding

MOST_VERSIONS: Final = 999_999_999
"""Nine digits, as an ETag has at most; well inside the database's integers."""

Document = Annotated[
    dict[str, Any],
    Field(
        description="The whole policy document: see docs/routing-policy.md for every key.",
        examples=[{"default": ["stripe"], "countries": {"NG": ["flutterwave", "stripe"]}}],
    ),
]


class PolicyBody(Body):
    """`PUT /v1/admin/routing/policy`."""

    policy: Document
    reason: Reason | None = Field(default=None, description="Why, for the record.", examples=["outage in UG"])


class ValidateBody(Body):
    """`POST /v1/admin/routing/policy/validate`."""

    policy: Document


class RollbackBody(Body):
    """`POST /v1/admin/routing/policy/rollback`."""

    version: int = Field(
        ge=1, le=MOST_VERSIONS, strict=True, description="The version to go back to.", examples=[3]
    )
    reason: Reason | None = Field(default=None, description="Why, for the record.", examples=["wrong share"])


class SimulateBody(Body):
    """`POST /v1/admin/routing/simulate`."""

    policy: Document
    last: int = Field(
        default=1000, ge=1, le=10_000, strict=True, description="How many of the latest checkouts."
    )


class PolicyVersionView(View):
    """One version, without its document."""

    version: int = Field(description="From 1.", examples=[7])
    author: str = Field(
        description="An operator's id, `cli:{user}`, or `config`: made from the files by the first start.",
        examples=["op_01jdk2m3xv8q4w7y9z0a1b2c3d"],
    )
    author_name: str | None = Field(description="The operator's name.", examples=["ada"])
    reason: str | None = Field(description="Why.", examples=["outage in UG"])
    at: Time = Field(description="When it was saved.")
    diff: list[dict[str, Any]] = Field(description="What it changed: JSON Pointers; rules go by name.")


class PolicyView(PolicyVersionView):
    """One version."""

    policy: dict[str, Any] = Field(description="The document.")
    warnings: list[Finding] | None = Field(
        default=None, description="After saving: what may not be meant as it stands."
    )


class VerdictView(View):
    """What is wrong with a policy."""

    valid: bool = Field(description="Whether it could be saved.")
    errors: list[Finding] = Field(description="What keeps it from being saved.")
    warnings: list[Finding] = Field(description="What may not be meant as it stands.")
