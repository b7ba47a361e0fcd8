"""`/webhooks/{account}`: gateways only. Verify the raw bytes, store, tell the run, acknowledge."""

from datetime import UTC, datetime
from typing import Annotated

import structlog
from fastapi import APIRouter, Path, Request, Response
from prometheus_client import Counter

from api.auth import Parts
from api.errors import BodyTooLarge, NotFound, Unauthorized, Unavailable, problem_responses
from api.inbox import receive
from gateways.base import InvalidSignature

router = APIRouter(prefix="/webhooks", tags=["webhooks"])
log = structlog.get_logger()

REJECTED = Counter("smartpay_webhooks_rejected_total", "Webhooks with a bad signature.", ["account"])
RECEIVED = Counter("smartpay_webhooks_received_total", "Webhooks that were genuine.", ["account"])


@router.post(
    "/{account}",
    summary="Take a gateway's webhook",
    response_class=Response,
    responses=problem_responses(Unauthorized, NotFound, BodyTooLarge, Unavailable),
)
async def webhook(
    account: Annotated[str, Path(max_length=40, description="Account that the webhook is set up for.")],
    request: Request,
    parts: Parts,
) -> Response:
    """Acknowledged only once it is stored (I20). It is a hint: the payment is looked up before it counts."""
    try:
        gateway = parts.accounts.gateway(account)
    except KeyError:
        raise NotFound from None
    body = await request.body()
    try:
        event = gateway.read_webhook(body, dict(request.headers.items()), datetime.now(UTC))
    except InvalidSignature:
        parts.rate_limits.forged(request.scope)
        REJECTED.labels(account).inc()
        log.warning("webhook.rejected", account=account)
        raise Unauthorized("The signature is not valid.") from None
    RECEIVED.labels(account).inc()
    await receive(parts, account, event, body)
    return Response(parts.accounts.webhook_reply(account), media_type="text/plain")
