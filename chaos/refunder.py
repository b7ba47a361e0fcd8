"""The part of a merchant's application that gives money back, as its scenario says."""

import asyncio
from typing import Any, Final

from chaos.client import MerchantClient, told
from chaos.scenario import GivingBack
from chaos.transcript import Record, RefundAnswer

_RETRY: Final = frozenset({0, 429, 500, 502, 503, 504})
"""HTTP statuses after which the same request is sent again."""


async def give_back(client: MerchantClient, record: Record) -> None:
    """Until every accepted refund is decided."""
    amount = record.view.get("amount_captured", 0)
    match record.scenario.giving_back:
        case GivingBack.FULL:
            await asyncio.gather(*(_ask(client, record, "full", None) for _ in range(3)))
        case GivingBack.PARTS:
            await _ask(client, record, "part", amount * 2 // 5)
            await _ask(client, record, "rest", None)
        case GivingBack.RACE:
            asked = (_ask(client, record, f"race-{n}", amount * 3 // 5) for n in range(4))
            await asyncio.gather(*asked)
    for refund_id in {answer.refund_id for answer in record.refunds if answer.refund_id}:
        await _decided(client, refund_id)


async def _ask(client: MerchantClient, record: Record, name: str, amount: int | None) -> None:
    """Until there is a definite answer."""
    body: dict[str, Any] = {} if amount is None else {"amount": amount}
    headers = {"Idempotency-Key": f"{record.key}-{name}", "Prefer": "wait=2"}
    path = f"/v1/checkouts/{record.checkout_id}/refunds"
    while True:
        answer = await client.call("POST", path, json=body, headers=headers)
        status = 0 if answer is None else answer.status_code
        content = told(answer)
        record.refunds.append(
            RefundAnswer(
                key=headers["Idempotency-Key"],
                status=status,
                refund_id=content.get("id") if status in (200, 201) else None,
                amount=content.get("amount"),
                code=content.get("code"),
            )
        )
        if status not in _RETRY:
            return
        await asyncio.sleep(0.5)


async def _decided(client: MerchantClient, refund_id: str) -> None:
    while True:
        answer = await client.call("GET", f"/v1/refunds/{refund_id}")
        if answer is not None and told(answer).get("status") != "pending":
            return
        await asyncio.sleep(1.0)
