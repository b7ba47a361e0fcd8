"""Columns that many tables have."""

from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

NOW: Final[dict[str, Any]] = {"server_default": func.now()}
TIME: Final = DateTime(timezone=True)
BIGINT: Final = BigInteger


def created() -> Any:
    return Field(default=None, sa_type=TIME, nullable=False, sa_column_kwargs=NOW)


def moment() -> Any:
    return Field(default=None, sa_type=TIME, nullable=True)


def json_value(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=nullable)
