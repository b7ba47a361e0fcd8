"""Where a paid checkout is refunded: the API's own acceptance and the real runs, without HTTP in between."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlmodel import col, update
from temporalio.client import WorkflowHandle

from api.door import Door
from api.rate_limits import RateLimits
from api.refund_requests import Accepted, accept_refund
from api.refund_runs import refund_run_id, start_refund
from api.schemas_refunds import RefundBody
from api.services import Services
from domain.ids import attempt_id
from gateways.base import GatewayRefund, RefundStatus
from storage import refunds, tables
from storage.changes import Changes
from tests.workflow.bank import Bank
from tests.workflow.plays import Play, lost, then
from tests.workflow.world import World
from workflows.refund import Refund


@dataclass
class Till:
    world: World
    parts: Services
    account: str
    checkout: str

    @property
    def bank(self) -> Bank:
        return self.world.banks[self.account]

    @property
    def attempt(self) -> str:
        return attempt_id(self.checkout, 1)

    async def accept(self, amount: int | None = None, key: str = "key-1", **body: Any) -> Accepted:
        """As `POST /v1/checkouts/{id}/refunds` does, up to the commit."""
        request = RefundBody(amount=amount, **body)
        return await accept_refund(self.parts, self.checkout, self.world.merchant_id, key, request)

    async def start(self, refund_id: str) -> WorkflowHandle[Refund, Any]:
        await start_refund(self.parts, refund_id)
        return self.world.client.get_workflow_handle_for(Refund.run, refund_run_id(refund_id))

    async def refund(self, amount: int | None = None, key: str = "key-1") -> tables.Refund:
        """Accept it, and let time pass until the gateway has decided."""
        accepted = await self.accept(amount, key)
        await (await self.start(accepted.refund.id)).result()
        return await self.row(accepted.refund.id)

    async def row(self, refund_id: str) -> tables.Refund:
        async with self.parts.database.transaction() as session:
            found = await refunds.get(session, refund_id)
        assert found is not None
        return found

    async def paid(self) -> tables.Attempt:
        [attempt] = await self.world.attempts(self.checkout)
        return attempt

    async def set_refund(self, refund_id: str, **values: Any) -> None:
        async with self.parts.database.transaction() as session:
            await session.exec(
                update(tables.Refund).where(col(tables.Refund.id) == refund_id).values(**values)
            )

    def given_back(self) -> list[int]:
        """The amounts that the gateway's ledger says were refunded."""
        return [effect.amount for _, effect in self.world.ledger(self.checkout, "refund")]

    def decide(self, status: RefundStatus) -> None:
        """The gateway decides all refunds of the payment."""
        made = self.bank.refunds[self.attempt]
        made[:] = [each.model_copy(update={"status": status}) for each in made]

    def slow(self) -> Play:
        """The gateway takes the refund and keeps it pending; its answer is lost."""

        async def hold() -> None:
            self.decide(RefundStatus.PENDING)

        return then(lost(Play()), hold)

    def listed(self) -> list[GatewayRefund]:
        return self.bank.refunds.get(self.attempt, [])


async def till_in(world: World, account: str, **checkout_fields: Any) -> Till:
    settings = world.context.settings.model_copy(update={"task_queue": world.task_queue})
    checkout = await world.checkout(**checkout_fields)
    assert await world.run(checkout) == "succeeded"
    parts = Services(
        settings=settings,
        database=world.context.database,
        changes=Changes(settings.database_url),
        temporal=world.client,
        accounts=world.context.accounts,
        router=world.context.router,
        door=Door(world.client, most=100),
        rate_limits=RateLimits(settings),
        schema_head="",
    )
    return Till(world=world, parts=parts, account=account, checkout=checkout)


def with_settings(till: Till, **changes: Any) -> Till:
    return replace(till, parts=replace(till.parts, settings=till.parts.settings.model_copy(update=changes)))


A_DAY = timedelta(days=1)
