"""Taking a checkout: whether it is taken, writing it down once, and starting what carries it out."""

from sqlmodel.ext.asyncio.session import AsyncSession
from temporalio.service import RPCError

from api.errors import (
    ChargesFrozen,
    IdempotencyKeyReused,
    InvalidRequest,
    Problem,
    Unavailable,
)
from api.return_origins import may_return, origin_refused
from api.runs import start_checkout
from api.schemas import CheckoutRequest
from api.services import Services
from config import tracing
from domain.checkout import CheckoutStatus
from domain.ids import Prefix, new_id
from domain.switches import Switch
from storage import checkouts, switches, tables, traces


def new_row(parts: Services, body: CheckoutRequest, merchant: str, key: str) -> tables.Checkout:
    """The request as a row that is not written yet. Raises InvalidRequest for a gateway nobody configured."""
    accepted = body.to_domain(allow_loopback=parts.allow_loopback)
    if body.gateway is not None and not parts.router.chosen(body.gateway):
        raise InvalidRequest.at("/gateway", "unknown_gateway", "is not a configured gateway or account")
    return tables.Checkout(
        id=new_id(Prefix.CHECKOUT),
        merchant_id=merchant,
        idempotency_key=key,
        request_digest=bytes.fromhex(body.fingerprint()),
        reference=body.reference,
        status=CheckoutStatus.PROCESSING,
        amount=body.amount,
        currency=body.currency,
        capture_method=body.capture_method,
        customer=accepted.customer.model_dump(mode="json"),
        payment_method=accepted.payment_method.model_dump(mode="json"),
        allow_redirect=body.allow_redirect,
        gateway_choice=body.gateway,
        return_url=accepted.return_url,
        notification_url=accepted.notification_url,
        meta=dict(body.metadata),
    )


async def accept(parts: Services, row: tables.Checkout) -> bool:
    """Write the row; False where the key was used before. From here on the checkout is never lost (I16).

    Raises InvalidRequest, Unavailable or ChargesFrozen, with nothing written.
    """
    async with parts.database.transaction() as session:
        refusal = await _refusal(session, parts, row)
        if refusal is not None:
            if await checkouts.by_key(session, row.merchant_id, row.idempotency_key) is None:
                raise refusal
            return False
        created = await checkouts.create(session, row)
        if created and (traceparent := tracing.traceparent()) is not None:
            tracing.note(checkout_id=row.id)
            traces.keep(session, row.id, traceparent)
        return created


async def _refusal(session: AsyncSession, parts: Services, row: tables.Checkout) -> Problem | None:
    """Why no new checkout is taken now, what the caller can mend first; a repeat is answered all the same."""
    if not await may_return(session, row, required=parts.settings.return_origins_required):
        return origin_refused()
    if parts.door.temporal_down:
        return Unavailable("New checkouts cannot be started right now.", retry_after=2)
    return ChargesFrozen() if Switch.CHARGES in await switches.around(session) else None


async def start(parts: Services, row: tables.Checkout) -> None:
    """Start its workflow. Where Temporal cannot be reached, the sweep does it later."""
    try:
        await start_checkout(parts.temporal, parts.settings, row)
    except RPCError:
        parts.door.temporal_failed()


async def replayed(parts: Services, row: tables.Checkout) -> tables.Checkout:
    """The checkout that this key has made before. Raises IdempotencyKeyReused for another request."""
    async with parts.database.transaction() as session:
        existing = await checkouts.by_key(session, row.merchant_id, row.idempotency_key)
    if existing is None or existing.request_digest != row.request_digest:
        raise IdempotencyKeyReused
    return existing
