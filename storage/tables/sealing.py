"""The keys under which personal data is sealed."""

from datetime import datetime

from sqlalchemy import LargeBinary, text
from sqlmodel import Field, Index, SQLModel

from storage.tables.columns import created


class DataKey(SQLModel, table=True):
    """What seals one customer's personal data at one merchant. Deleting it erases them."""

    __tablename__ = "data_keys"
    __table_args__ = (
        Index("ix_data_keys_subject", "subject", postgresql_where=text("subject IS NOT NULL")),
        Index("ix_data_keys_key", "key"),
    )

    id: str = Field(primary_key=True)
    merchant_id: str = Field(foreign_key="merchants.id")
    subject: bytes | None = Field(default=None, sa_type=LargeBinary)
    """Keyed hash of merchant and e-mail, by which it is found; None: it belongs to one checkout."""
    identity: bytes | None = Field(default=None, sa_type=LargeBinary)
    """The e-mail, sealed with this very key: a new encryption key needs a new hash of it."""
    key: str
    """The name of the encryption key that wraps it."""
    wrapped: bytes = Field(sa_type=LargeBinary)
    created_at: datetime = created()
