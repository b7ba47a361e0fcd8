"""An adapter that is told what its gateway's webhooks have said, as the activities tell it from the inbox."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime

from domain.outcome import Outcome
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    DisputedPaymentsAnswer,
    DisputeLookUpAnswer,
    Gateway,
    LookUpAnswer,
    PaymentHandle,
    PaymentPageAnswer,
    RefundAnswer,
    RefundLookUpAnswer,
    RefundRequest,
    VoidRequest,
    WebhookEvent,
)
from sandbox.client import SandboxClient


class Informed(Gateway):
    """Every handle that passes through gets the notices of the webhooks that the sandbox has sent by now."""

    def __init__(self, adapter: Gateway, name: str, control: SandboxClient) -> None:
        self._adapter = adapter
        self._name = name
        self._control = control

    async def charge(self, request: ChargeRequest) -> Outcome:
        return await self._adapter.charge(request)

    async def look_up(self, handle: PaymentHandle) -> LookUpAnswer:
        return await self._adapter.look_up(await self._told(handle))

    async def close(self, handle: PaymentHandle) -> Outcome:
        return await self._adapter.close(await self._told(handle))

    async def capture(self, request: CaptureRequest) -> Outcome:
        told = {"handle": await self._told(request.handle)}
        return await self._adapter.capture(request.model_copy(update=told))

    async def void(self, request: VoidRequest) -> Outcome:
        told = {"handle": await self._told(request.handle)}
        return await self._adapter.void(request.model_copy(update=told))

    async def refund(self, request: RefundRequest) -> RefundAnswer:
        told = {"handle": await self._told(request.handle)}
        return await self._adapter.refund(request.model_copy(update=told))

    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        return await self._adapter.look_up_refunds(await self._told(handle))

    async def look_up_disputes(self, handle: PaymentHandle) -> DisputeLookUpAnswer:
        return await self._adapter.look_up_disputes(await self._told(handle))

    async def disputed_payments(self, since: date) -> DisputedPaymentsAnswer:
        return await self._adapter.disputed_payments(since)

    async def list_payments(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> PaymentPageAnswer:
        return await self._adapter.list_payments(since, until, cursor)

    def read_webhook(self, body: bytes, headers: Mapping[str, str], now: datetime) -> WebhookEvent:
        return self._adapter.read_webhook(body, headers, now)

    async def aclose(self) -> None:
        await self._adapter.aclose()

    async def _told(self, handle: PaymentHandle) -> PaymentHandle:
        rows = await self._control.webhooks(gateway=self._name, reference=handle.reference)
        now = datetime.now(UTC)
        events = [self._adapter.read_webhook(json.dumps(row["body"]).encode(), {}, now) for row in rows]
        notices = tuple(event.notice for event in events if event.notice is not None)
        return handle.model_copy(update={"notices": notices})
