"""What the campaign's clients were told, answer by answer: the outside view that the oracle holds us to."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from chaos.scenario import Scenario


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


@dataclass(frozen=True)
class RefundAnswer:
    """One answer to one POST of a refund."""

    key: str
    status: int
    refund_id: str | None
    amount: int | None = None
    """Minor units, as the answer has it."""
    code: str | None = None


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
    ended_at: float | None = None
    """When a final status was first seen, on the monotonic clock."""
    refunds: list[RefundAnswer] = field(default_factory=list)
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


@dataclass(frozen=True)
class Trespass:
    """A merchant asked for what is another one's."""

    merchant: str
    request: str
    """Method and path."""
    status: int


@dataclass(frozen=True)
class CardSent:
    """A request that held card data."""

    where: str
    """In which part of the request."""
    status: int


@dataclass(frozen=True)
class Receipt:
    """A notification as it arrived at a merchant's address."""

    merchant: str
    at: datetime
    headers: dict[str, str]
    """By lower-case name."""
    body: bytes
    acknowledged: bool
    durable: bool | None
    """Whether what it tells was to be seen in the database at that moment; None: the database was away."""


@dataclass
class Transcript:
    records: list[Record] = field(default_factory=list)
    forgeries: list[Forgery] = field(default_factory=list)
    merchants: list[str] = field(default_factory=list)
    """Ids, in the order of `Scenario.merchant`."""
    heard: dict[str, dict[str, str]] = field(default_factory=dict)
    """Merchant -> id of anything that an answer to it named -> the request that was answered."""
    trespasses: list[Trespass] = field(default_factory=list)
    cards_sent: list[CardSent] = field(default_factory=list)
    cards_echoed: list[str] = field(default_factory=list)
    """Requests whose answers repeated card data that the campaign had sent."""
    receipts: list[Receipt] = field(default_factory=list)
