"""Faults on demand: which request or webhook goes wrong next, and how."""

import random
from typing import Final, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox.clock import now
from sandbox.database import Database
from sandbox.vocabulary import EVERY, FaultKind, Operation, applies

_DEFAULT_SECONDS: Final = {
    FaultKind.TIMEOUT_BEFORE: 120.0,
    FaultKind.TIMEOUT_AFTER: 120.0,
    FaultKind.SLOW: 5.0,
    FaultKind.DELAY: 5.0,
    FaultKind.REORDER: 2.0,
}


class FaultRequest(BaseModel):
    """What `POST /_/faults` takes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    gateway: str
    operation: Operation | str = EVERY
    fault: FaultKind
    probability: float | None = Field(default=None, gt=0, le=1)
    count: int | None = Field(default=None, ge=1)
    seconds: float | None = Field(default=None, ge=0, le=86400)
    """How long `slow`, `delay`, `reorder` and `timeout_*` hold, and how long `refuse` lasts."""
    reference: str | None = None
    """Only requests of the payment with this reference."""
    marker: str | None = Field(default=None, min_length=1, pattern=r"^[A-Za-z0-9_-]+$")
    """Only payments whose charge has this text somewhere in its body: for those whose reference is not known
    beforehand. Their further requests and webhooks are recognized by the reference that the charge named."""
    after: int = Field(default=0, ge=0)
    """Leave the first so many matching requests alone."""

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.operation != EVERY and self.operation not in list(Operation):
            raise ValueError(f"operation must be one of {', '.join(Operation)} or *")
        if self.probability is not None and self.count is not None:
            raise ValueError("give probability or count, not both")
        if self.fault is FaultKind.REFUSE:
            if (
                self.probability is not None
                or self.count is not None
                or self.reference
                or self.marker
                or self.after
            ):
                raise ValueError(
                    "refuse closes the gateway's port, so it holds for every request until `seconds` have "
                    "passed or it is deleted: probability, count, reference, marker and after do not apply"
                )
            if self.operation not in (EVERY, Operation.CHARGE):
                raise ValueError("refuse closes the gateway's port for all operations: use *")
        elif self.operation != EVERY and not applies(self.fault, Operation(self.operation)):
            raise ValueError(f"{self.fault} cannot happen to {self.operation}")
        return self


class Fault(BaseModel):
    """A fault in force, or used up (`remaining` 0)."""

    id: int
    gateway: str
    operation: str
    fault: FaultKind
    probability: float | None
    count: int | None
    remaining: int | None
    """Of `count`; None: no limit."""
    seconds: float
    reference: str | None
    marker: str | None = None
    marked: list[str] = Field(default_factory=list)
    """References of the payments that bear the marker, as far as they have been seen."""
    after: int
    """How many matching requests are still left alone."""
    hits: int = 0
    ends: float | None = None
    """When `refuse` ends by itself, in seconds since 1970."""

    def matches(self, gateway: str, operation: Operation, reference: str | None) -> bool:
        return (
            self.remaining != 0
            and self.fault is not FaultKind.REFUSE
            and self.gateway in (gateway, EVERY)
            and self.operation in (operation, EVERY)
            and applies(self.fault, operation)
            and self.reference in (None, reference)
            and (self.marker is None or reference in self.marked)
        )


class Faults:
    """The first active fault that matches wins. Kept over a restart."""

    def __init__(self, database: Database, seed: int | None) -> None:
        self._database = database
        self._random = random.Random(seed)  # noqa: S311 - decides test faults, protects nothing
        self._active = [
            Fault.model_validate_json(row["body"])
            for row in database.rows("SELECT body FROM fault ORDER BY id")
        ]

    def add(self, request: FaultRequest) -> Fault:
        """`not_found_once` without a count happens once."""
        count = request.count
        if request.fault is FaultKind.NOT_FOUND_ONCE and count is None and request.probability is None:
            count = 1
        fault = Fault(
            id=self._database.next_number(),
            gateway=request.gateway,
            operation=str(request.operation),
            fault=request.fault,
            probability=request.probability,
            count=count,
            remaining=count,
            seconds=_DEFAULT_SECONDS.get(request.fault, 0.0) if request.seconds is None else request.seconds,
            reference=request.reference,
            marker=request.marker,
            after=request.after,
            ends=now() + request.seconds if request.seconds and request.fault is FaultKind.REFUSE else None,
        )
        self._active.append(fault)
        self._save(fault)
        return fault

    def all(self) -> list[Fault]:
        return list(self._active)

    def remove(self, fault_id: int | None = None) -> int:
        """One, or all. Returns how many went."""
        before = len(self._active)
        self._active = [fault for fault in self._active if fault_id not in (None, fault.id)]
        self._database.run("DELETE FROM fault WHERE ?1 IS NULL OR id = ?1", fault_id)
        return before - len(self._active)

    def mark(self, reference: str | None, body: bytes) -> None:
        """Remember the payment of this charge for the faults whose marker it bears."""
        if reference is None:
            return
        for fault in self._active:
            if fault.marker is None or reference in fault.marked or fault.marker.encode() not in body:
                continue
            fault.marked.append(reference)
            self._save(fault)

    def take(self, gateway: str, operation: Operation, reference: str | None) -> Fault | None:
        """The fault that happens to this request, counted; None where it goes through."""
        for fault in self._active:
            if not fault.matches(gateway, operation, reference):
                continue
            if fault.after:
                fault.after -= 1
                self._save(fault)
                continue
            if fault.probability is not None and self._random.random() >= fault.probability:
                continue
            fault.hits += 1
            if fault.remaining is not None:
                fault.remaining -= 1
            self._save(fault)
            return fault.model_copy()
        return None

    def _save(self, fault: Fault) -> None:
        self._database.run(
            "INSERT INTO fault (id, gateway, operation, fault, body) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            fault.id,
            fault.gateway,
            fault.operation,
            fault.fault.value,
            fault.model_dump_json(),
        )
