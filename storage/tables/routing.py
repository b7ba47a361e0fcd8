"""The routing policy, and what is known of the accounts."""

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from storage.tables.columns import BIGINT, created, json_value, moment


class PolicyVersion(SQLModel, table=True):
    """One version of the routing policy. Rows are only ever added: the highest one is in force."""

    __tablename__ = "policy_versions"

    version: int = Field(primary_key=True)
    document: dict[str, Any] = json_value(nullable=False)
    author: str
    """An operator's id, `cli:{unix user}`, or `config` for the one that the files made."""
    reason: str | None = None
    diff: list[dict[str, Any]] = json_value(nullable=False)
    """Against the version before: `[{path, before, after}]`."""
    at: datetime = created()


class AccountCircuit(SQLModel, table=True):
    """The circuit of an account and method (`domain/circuit.py`). Written only while something fails."""

    __tablename__ = "account_circuits"

    account: str = Field(primary_key=True)
    method: str = Field(primary_key=True)
    version: int = Field(default=0, sa_type=BIGINT)
    """A change is written only where it is still the one that was read."""
    state: str
    """`CircuitState`."""
    good: float = 0.0
    bad: float = 0.0
    streak: int = 0
    counted_at: datetime | None = moment()
    opened_at: datetime | None = moment()
    closed_at: datetime | None = moment()
    retry_at: datetime | None = moment()
    probing_since: datetime | None = moment()
    again: int = 0
    opens: int = Field(default=0, sa_type=BIGINT)
    """How often it has opened, ever."""
    last_failure: str | None = None


class AccountMode(SQLModel, table=True):
    """What an operator has said of an account; none: `auto`. What was is in `audit_log`."""

    __tablename__ = "account_modes"

    account: str = Field(primary_key=True)
    mode: str
    """`Mode`."""
    reason: str
    actor: str
    """Who said it, as in `audit_log`."""
    since: datetime = created()


class AccountScore(SQLModel, table=True):
    """What became of an account's attempts in one group of checkouts, faded to `as_of`."""

    __tablename__ = "account_scores"

    account: str = Field(primary_key=True)
    grouping: str = Field(primary_key=True)
    """`method/currency/country/network`, cut off behind any part: coarser; empty: everything."""
    good: float
    bad: float
    as_of: datetime = created()


class AccountScoresState(SQLModel, table=True):
    """How far attempts are counted. One row."""

    __tablename__ = "account_scores_state"

    id: int = Field(default=1, primary_key=True)
    version: int = Field(default=0, sa_type=BIGINT)
    """One more with every change: what decided a checkout is named by it."""
    counted_to: datetime = created()
    counted_id: str = ""
    """The last attempt counted, by (`ended_at`, id)."""
    taken_at: datetime = created()
