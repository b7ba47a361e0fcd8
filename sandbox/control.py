"""The control surface, for tests and people: what happened, what shall go wrong, what the customer does."""

import json
import sqlite3
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from pydantic import BaseModel, ConfigDict, Field

from sandbox.exchange import NothingToSettle, Simulator
from sandbox.faults import Fault, FaultRequest
from sandbox.vocabulary import EVERY, OUTCOME_WORDS, DisputeOutcome, FaultKind
from sandbox.world import World

AfterSeq = Annotated[int, Query(ge=0)]


class Settle(BaseModel):
    model_config = ConfigDict(extra="forbid")

    outcome: str
    """`paid`, `failed` or `abandoned`."""


class Disputed(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str, Field(min_length=1, max_length=60)] = "fraudulent"
    outcome: DisputeOutcome = DisputeOutcome.OPEN


class NewSettings(BaseModel):
    model_config = ConfigDict(extra="forbid")

    webhook_base: str | None


def control_router(world: World, simulators: Mapping[str, Simulator]) -> APIRouter:
    router = APIRouter(prefix="/_")

    @router.get("/ledger")
    async def ledger(
        gateway: str | None = None, reference: str | None = None, after_seq: AfterSeq = 0
    ) -> list[dict[str, Any]]:
        return _dicts(world.ledger.rows(gateway=gateway, reference=reference, after_seq=after_seq))

    @router.get("/requests")
    async def requests(
        gateway: str | None = None, reference: str | None = None, after_seq: AfterSeq = 0
    ) -> list[dict[str, Any]]:
        return _dicts(world.requests.rows(gateway=gateway, reference=reference, after_seq=after_seq))

    @router.get("/webhooks")
    async def webhooks(
        gateway: str | None = None, reference: str | None = None, after_seq: AfterSeq = 0
    ) -> list[dict[str, Any]]:
        rows = _dicts(world.webhooks.rows(gateway=gateway, reference=reference, after_seq=after_seq))
        return [{**row, "body": json.loads(row["body"])} for row in rows]

    @router.post("/faults", status_code=201)
    async def add_fault(request: FaultRequest) -> Fault:
        if request.gateway != EVERY and request.gateway not in simulators:
            raise HTTPException(422, f"no such gateway: there are {', '.join(simulators)} and *")
        fault = world.faults.add(request)
        if fault.fault is FaultKind.REFUSE:
            await world.listeners.apply(fault)
        return fault

    @router.get("/faults")
    async def faults() -> list[Fault]:
        return world.faults.all()

    @router.delete("/faults")
    async def clear_faults() -> dict[str, int]:
        removed = world.faults.remove()
        await world.listeners.apply()
        return {"removed": removed}

    @router.delete("/faults/{fault_id}")
    async def remove_fault(fault_id: int) -> dict[str, int]:
        removed = world.faults.remove(fault_id)
        if not removed:
            raise HTTPException(404, "no such fault")
        await world.listeners.apply()
        return {"removed": removed}

    @router.post("/payments/{payment_id}/settle")
    async def settle(payment_id: str, request: Settle) -> dict[str, str]:
        outcome = OUTCOME_WORDS.get(request.outcome)
        if outcome is None:
            raise HTTPException(422, "outcome must be paid, failed or abandoned")
        for simulator in simulators.values():
            try:
                with world.database.transaction():
                    status = simulator.settle(payment_id, outcome)
            except NothingToSettle as nothing:
                raise HTTPException(409, f"nobody is being waited for: {nothing}") from None
            if status is not None:
                return {
                    "gateway": simulator.name,
                    "payment_id": payment_id,
                    "outcome": outcome.value,
                    "status": status,
                }
        raise HTTPException(404, "no gateway knows this payment")

    @router.post("/payments/{payment_id}/dispute")
    async def dispute(payment_id: str, request: Disputed) -> dict[str, Any]:
        for simulator in simulators.values():
            try:
                with world.database.transaction():
                    found = simulator.dispute(payment_id, request.reason, request.outcome)
            except NothingToSettle as nothing:
                raise HTTPException(409, f"there is nothing to dispute: {nothing}") from None
            if found is not None:
                return found
        raise HTTPException(404, "no gateway knows this payment")

    @router.get("/settings")
    async def settings() -> dict[str, str | None]:
        return {"webhook_base": world.changeable.webhook_base}

    @router.post("/settings")
    async def change_settings(new: NewSettings) -> dict[str, str | None]:
        world.changeable.set_webhook_base(new.webhook_base)
        return {"webhook_base": world.changeable.webhook_base}

    @router.get("/health")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    return router


def _dicts(rows: list[sqlite3.Row]) -> list[dict[str, Any]]:
    return [dict(row) for row in rows]
