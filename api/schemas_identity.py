"""What signing in and the management of operators take and answer."""

from typing import Annotated

from pydantic import Field, SecretStr

from api.schemas import Body
from api.schemas_admin import OperatorView, Why
from api.schemas_answers import Time, View
from api.schemas_fields import Name
from domain.operator import Role

OperatorName = Annotated[Name, Field(max_length=100)]
Password = Annotated[SecretStr, Field(min_length=1, max_length=200)]


class SignInBody(Body):
    """`POST /v1/admin/sign-in`."""

    name: OperatorName = Field(description="The operator's name.", examples=["Ada"])
    password: Password = Field(description="The operator's password.")
    totp: Annotated[str, Field(pattern="^[0-9]{6}$")] = Field(
        description="The code that the authenticator shows now (RFC 6238). Each is good once.",
        examples=["492039"],
    )


class Me(OperatorView):
    """Whoever is calling."""

    csrf_token: str | None = Field(
        description="To be sent as `X-CSRF-Token` with every call that changes something; null for a caller"
        " with a token of its own, which needs none."
    )
    idle_seconds: int | None = Field(
        description="So long after the last call the signed-in session ends.", examples=[900]
    )
    expires_at: Time | None = Field(description="When the signed-in session ends in any case.")


class OperatorAccount(OperatorView):
    """An operator, as those who manage them see it."""

    created_at: Time = Field(description="When it was created.")
    disabled_at: Time | None = Field(description="Since when it is shut out, for good.")
    can_sign_in: bool = Field(description="Whether it has a password.")
    locked_until: Time | None = Field(description="Until when wrong passwords keep it from signing in.")
    last_seen_at: Time | None = Field(description="When its newest session was last used.")
    live_tokens: int = Field(description="Tokens for programs that are not revoked.", examples=[0])


class OperatorAccounts(View):
    """All operators, oldest first."""

    data: list[OperatorAccount] = Field(description="Disabled ones too: their names stay in the records.")


class CreateOperatorBody(Body):
    """`POST /v1/admin/operators`."""

    name: OperatorName = Field(description="A name for people, unique.", examples=["Ada"])
    role: Role = Field(description="What it may do.")
    password: Password | None = Field(
        default=None,
        description="At least 12 characters with letters and digits; a good one is made if left out.",
    )
    reason: Why = Field(description="Why, for the record.", examples=["joins the night shift"])


class RoleBody(Body):
    """`PUT /v1/admin/operators/{id}/role`."""

    role: Role = Field(description="What it may do from now on.")
    reason: Why = Field(description="Why, for the record.", examples=["leads the night shift"])


class WhyBody(Body):
    """A change that needs nothing but its reason."""

    reason: Why = Field(description="Why, for the record.", examples=["left the company"])


class CredentialsBody(Body):
    """`POST /v1/admin/operators/{id}/credentials`."""

    password: Password | None = Field(
        default=None,
        description="At least 12 characters with letters and digits; a good one is made if left out.",
    )
    reason: Why = Field(description="Why, for the record.", examples=["lost the phone"])


class IssuedCredentials(View):
    """What an operator signs in with. This is the only time that it can be read."""

    operator: OperatorAccount = Field(description="Whose it is.")
    password: str | None = Field(description="The password that was made; null: the given one.")
    totp_secret: str = Field(description="For typing into an authenticator.")
    totp_uri: str = Field(
        description="The same as an address for authenticators (`otpauth://`), to be shown as a QR code."
    )
