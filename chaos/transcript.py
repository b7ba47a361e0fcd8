"""What the campaign's client was told, answer by answer: the outside view that the oracle holds us to."""

from dataclasses import dataclass, field
from typing import Any

from chaos.scenarios import Scenario


@dataclass(frozen=True)
class Answer:
    """One answer to one POST of a checkout."""

    key: str
    """Idempotency key of the request."""
    status: int
    """HTTP status; 0 where no answer came."""
    checkout_id: str | None
    mutated: bool
    """The request had another body than the first one under its key."""
    code: str | None = None
    """Of the problem document."""


@dataclass
class Record:
    """One scenario as it went, seen from outside."""

    scenario: Scenario
    key: str
    answers: list[Answer] = field(default_factory=list)
    checkout_id: str | None = None
    view: dict[str, Any] = field(default_factory=dict)
    """The checkout as `GET /v1/checkouts/{id}` told it last."""
    seen: list[str] = field(default_factory=list)
    """Statuses in the order in which they were seen."""
    gave_up: str | None = None
    """Why the client stopped before the end."""


@dataclass(frozen=True)
class Forgery:
    """A webhook with a bad signature that the campaign sent."""

    account: str
    dedupe_key: str
    """What the inbox would have kept it under: the event id, or the SHA-256 of a body that has none."""
    status: int
    """HTTP status of the answer; 0 where none came."""


@dataclass
class Transcript:
    records: list[Record] = field(default_factory=list)
    forgeries: list[Forgery] = field(default_factory=list)
