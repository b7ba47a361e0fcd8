"""Columns that many tables have."""

from typing import Any, Final

from sqlalchemy import BigInteger, DateTime, Table, func, inspect
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

NOW: Final[dict[str, Any]] = {"server_default": func.now()}
TIME: Final = DateTime(timezone=True)
BIGINT: Final = BigInteger


def created() -> Any:
    return Field(default=None, sa_type=TIME, nullable=False, sa_column_kwargs=NOW)


def moment() -> Any:
    return Field(default=None, sa_type=TIME, nullable=True)


def json_value(*, nullable: bool = True) -> Any:
    return Field(default=None, sa_type=JSONB(none_as_null=True), nullable=nullable)


def table_of(model: type[SQLModel]) -> Table:
    """The table behind a model, for statements that are written once, without the unit of work."""
    table = inspect(model).local_table
    assert isinstance(table, Table)  # noqa: S101  # every model here has a table of its own
    return table
