"""Merchants, their keys, secrets and addresses."""

from datetime import datetime

from sqlalchemy import LargeBinary, text
from sqlmodel import Field, Index, SQLModel

from storage.tables.columns import BIGINT, created, json_value, moment


class Merchant(SQLModel, table=True):
    __tablename__ = "merchants"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    created_at: datetime = created()


class ApiKey(SQLModel, table=True):
    """Only the SHA-256 of a key is kept: it has 256 random bits, so a slow hash would add nothing."""

    __tablename__ = "api_keys"

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id", index=True)
    prefix: str
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    created_at: datetime = created()
    revoked_at: datetime | None = moment()
    scopes: list[str] | None = json_value()
    """`KeyScope`s; None: all."""
    expires_at: datetime | None = moment()
    """When it ends by itself, after a rotation."""
    last_used_at: datetime | None = moment()
    """To the minute."""


class MerchantSecret(SQLModel, table=True):
    """What a merchant's notifications are signed with: sealed, since a signature needs the secret itself."""

    __tablename__ = "merchant_secrets"
    __table_args__ = (
        Index(
            "uq_merchant_secrets_current",
            "merchant_id",
            unique=True,
            postgresql_where=text("expires_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BIGINT)
    merchant_id: str = Field(foreign_key="merchants.id", index=True)
    sealed: bytes = Field(sa_type=LargeBinary)
    """`whsec_` and base64, as the Standard Webhooks specification has it, under an encryption key."""
    key: str
    """The name of that key."""
    created_at: datetime = created()
    expires_at: datetime | None = moment()
    """None: the current one, exactly one per merchant. A rotated one still signs until then."""


class MerchantOrigin(SQLModel, table=True):
    """Where a merchant's customers may be sent back to: an entry of the allow-list for `return_url`."""

    __tablename__ = "merchant_origins"

    merchant_id: str = Field(primary_key=True, foreign_key="merchants.id")
    origin: str = Field(primary_key=True)
    """`https://host`, or `https://host:port` where the port is not 443; the host in lower-case ASCII."""
    created_at: datetime = created()
