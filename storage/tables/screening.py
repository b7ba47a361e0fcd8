"""What screening has seen and what operators have listed."""

from datetime import datetime

from sqlalchemy import LargeBinary, text
from sqlmodel import Field, Index, SQLModel, UniqueConstraint

from storage.tables.columns import BIGINT, created


class Sighting(SQLModel, table=True):
    """What screening has seen of one checkout, to count later ones by. Keyed digests, nothing in clear but
    the first six digits of a card. One row a checkout: no row is ever waited for."""

    __tablename__ = "sightings"
    __table_args__ = (
        Index("ix_sightings_merchant", "merchant_id", "at"),
        *(
            Index(
                f"ix_sightings_{name}",
                "merchant_id",
                name,
                "at",
                postgresql_where=text(f"{name} IS NOT NULL"),
            )
            for name in ("card", "email", "ip", "bin")
        ),
        Index("ix_sightings_at", "at"),
    )

    checkout_id: str = Field(primary_key=True, foreign_key="checkouts.id")
    merchant_id: str
    at: datetime = created()
    amount: int = Field(sa_type=BIGINT)
    currency: str
    card: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Of the card's token, or of the phone that is prompted."""
    email: bytes | None = Field(default=None, sa_type=LargeBinary)
    ip: bytes | None = Field(default=None, sa_type=LargeBinary)
    bin: str | None = None
    """Six digits."""
    small: bool
    """Against the merchant's median of then."""
    disposable: bool
    mismatch: str | None = None
    """Countries of card, address and bill, where the card's stands alone."""
    stopped: bool
    """Screening has stopped it."""
    declined: bool = False
    """A gateway has declined it, and no other one has accepted it since."""


class ListEntry(SQLModel, table=True):
    """What operators always refuse, or never stop. `storage/lists.py` opens what is sealed of it."""

    __tablename__ = "list_entries"
    __table_args__ = (
        UniqueConstraint("kind", "value", name="uq_list_entries_value"),
        UniqueConstraint("kind", "digest", name="uq_list_entries_digest"),
        Index("ix_list_entries_key", "key", postgresql_where=text("key IS NOT NULL")),
    )

    id: str = Field(primary_key=True)
    kind: str
    """`ListKind`."""
    value: str | None = None
    """In the one way of writing it; None: it is personal, and sealed."""
    digest: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed hash of a sealed value, by which it is found."""
    sealed: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The value under an encryption key."""
    key: str | None = None
    """The name of that key."""
    effect: str
    """`ListEffect`."""
    reason: str
    actor: str
    """Who wrote it, as in `audit_log`."""
    created_at: datetime = created()
