"""Operators, how they sign in, and the switches they throw."""

from datetime import datetime

from sqlalchemy import LargeBinary
from sqlmodel import Field, SQLModel

from storage.tables.columns import BIGINT, created, moment


class Operator(SQLModel, table=True):
    """Who may see and steer the installation."""

    __tablename__ = "operators"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    role: str
    """`Role`."""
    created_at: datetime = created()
    disabled_at: datetime | None = moment()
    """None of an operator's tokens is worth anything from then on."""


class OperatorToken(SQLModel, table=True):
    """Only the SHA-256 of a token is kept, as of a merchant's key."""

    __tablename__ = "operator_tokens"

    id: str = Field(primary_key=True)
    operator_id: str = Field(foreign_key="operators.id", index=True)
    prefix: str
    digest: bytes = Field(unique=True, sa_type=LargeBinary)
    created_at: datetime = created()
    last_used_at: datetime | None = moment()
    """To the minute."""
    revoked_at: datetime | None = moment()


class OperatorCredential(SQLModel, table=True):
    """What an operator signs in with."""

    __tablename__ = "operator_credentials"

    operator_id: str = Field(primary_key=True, foreign_key="operators.id")
    password_hash: str
    """Argon2id, in its own text form."""
    totp_secret: bytes = Field(sa_type=LargeBinary)
    """Sealed: a code cannot be checked without the secret itself."""
    key: str
    """The name of the encryption key that seals it."""
    totp_step: int | None = Field(default=None, sa_type=BIGINT)
    """The 30 seconds of the last code that was taken: it and those before are worth nothing any more."""
    failures: int = 0
    """Wrong tries in a row."""
    locked_until: datetime | None = moment()
    changed_at: datetime = created()


class OperatorSession(SQLModel, table=True):
    """A person who is signed in. Only the SHA-256 of the session's id is kept."""

    __tablename__ = "operator_sessions"

    digest: bytes = Field(primary_key=True, sa_type=LargeBinary)
    operator_id: str = Field(foreign_key="operators.id", index=True)
    created_at: datetime = created()
    last_used_at: datetime = created()
    """To half a minute."""


class FrozenSwitch(SQLModel, table=True):
    """A switch that is frozen now. What was is in `audit_log`."""

    __tablename__ = "switches"

    kind: str = Field(primary_key=True)
    """`Switch`."""
    account: str = Field(primary_key=True)
    """Empty: all accounts."""
    reason: str
    actor: str
    """Who froze it, as in `audit_log`."""
    since: datetime = created()
