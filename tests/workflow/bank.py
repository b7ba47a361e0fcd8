"""A gateway for tests: it does what its script says, call by call, and keeps a ledger of its own.

    bank.charge_script += [lost(approve()), decline(DeclineCategory.SOFT)]

Two flavours: `keyed` honours idempotency keys and a confirmed close is final (like Stripe); the other has
no keys, executes every request it gets, and cannot close a prompt for good (like Flutterwave).
"""

import itertools
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from domain.checkout import CaptureMethod
from domain.decline import Decline, DeclineCategory, DeclineCode
from domain.dispute import DisputeStatus
from domain.outcome import (
    ActionRequired,
    Approved,
    Canceled,
    Declined,
    GatewayPayment,
    NotFound,
    NotSent,
    Outcome,
    PaymentStatus,
    Pending,
    Unknown,
)
from gateways.base import (
    CaptureRequest,
    ChargeRequest,
    DisputedPayment,
    DisputedPayments,
    DisputedPaymentsAnswer,
    DisputeLookUpAnswer,
    Found,
    FoundDisputes,
    FoundRefunds,
    Gateway,
    GatewayDispute,
    GatewayRefund,
    ListedPayment,
    LookUpAnswer,
    PaymentHandle,
    PaymentPage,
    PaymentPageAnswer,
    RefundAnswer,
    RefundLookUpAnswer,
    RefundRefused,
    RefundRequest,
    RefundStatus,
    RefusalCause,
    VoidRequest,
    WebhookEvent,
)
from tests.workflow.plays import Play

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Effect:
    """One line of the ledger: money moved."""

    kind: str
    reference: str
    payment_id: str
    amount: int
    currency: str


@dataclass
class Bank(Gateway):
    keyed: bool
    mute: bool = False
    """Its look-ups never know anything."""
    charge_script: list[Play] = field(default_factory=list)
    """One for each call that reaches the script; when it is empty, everything is approved."""
    look_up_faults: int = 0
    """So many look-ups are not answered."""
    settle_script: list[Play] = field(default_factory=list)
    """For captures, voids, closes and refunds."""
    ledger: list[Effect] = field(default_factory=list)
    charges: list[ChargeRequest] = field(default_factory=list)
    """Every charge request that reached the gateway, in order."""
    look_ups: int = 0
    payments: dict[str, GatewayPayment] = field(default_factory=dict)
    refunds: dict[str, list[GatewayRefund]] = field(default_factory=dict)
    refund_status: RefundStatus = RefundStatus.SUCCEEDED
    """What becomes of the refunds that are made from now on."""
    made: dict[str, datetime] = field(default_factory=dict)
    """When a payment was made, by its id; one that is not here was made now."""
    list_faults: list[PaymentPageAnswer] = field(default_factory=list)
    """What lists are answered before they are answered well."""
    tells_refunds: bool = True
    """Whether the list says what was refunded."""
    disputes: dict[str, list[GatewayDispute]] = field(default_factory=dict)
    """By reference."""
    on_charge: Callable[[ChargeRequest], Awaitable[None]] | None = None
    """Called before every charge that reaches the gateway: where invariants are checked."""
    _by_key: dict[str, tuple[ChargeRequest, Outcome]] = field(default_factory=dict)
    _refund_keys: dict[str, GatewayRefund] = field(default_factory=dict)
    _unclosable: set[str] = field(default_factory=set)

    async def charge(self, request: ChargeRequest) -> Outcome:
        play = self.charge_script.pop(0) if self.charge_script else Play()
        if play.heard == "not_sent":
            return NotSent(cause=play.cause, detail=play.cause, retry_after=play.retry_after)
        self.charges.append(request)
        if self.on_charge is not None:
            await self.on_charge(request)
        if play.heard == "never":
            await _run(play.meanwhile)
            return Unknown(detail="no answer")
        if self.keyed and request.idempotency_key in self._by_key:
            before, outcome = self._by_key[request.idempotency_key]
            if before != request:
                raise AssertionError("another request under the same key (I8)")
        else:
            outcome = self._execute(request, play)
            self._by_key[request.idempotency_key] = (request, outcome)
        await _run(play.meanwhile)
        return Unknown(detail="no answer") if play.heard == "lost" else outcome

    def _execute(self, request: ChargeRequest, play: Play) -> Outcome:
        payment_id = f"pay_{next(_numbers)}"
        status = play.effect or PaymentStatus.PENDING
        if status is PaymentStatus.CAPTURED and request.capture_method is CaptureMethod.MANUAL:
            status = PaymentStatus.AUTHORIZED
        amount = play.amount or request.amount
        payment = GatewayPayment(
            payment_id=payment_id,
            reference=request.reference,
            status=status,
            amount=amount,
            currency=request.currency,
            amount_captured=amount if status is PaymentStatus.CAPTURED else 0,
            decline=play.decline,
            next_action=play.action,
        )
        if not play.closable:
            self._unclosable.add(payment_id)
        self.payments[payment_id] = payment
        self._write(payment)
        return _outcome(payment)

    def settle(
        self,
        reference: str,
        status: PaymentStatus,
        *,
        amount: int | None = None,
        decline: Decline | None = None,
    ) -> None:
        """The customer or the network decides: the payment under this reference becomes `status`."""
        for payment in self._under(reference):
            captured = (amount or payment.amount) if status is PaymentStatus.CAPTURED else 0
            self._become(payment, status=status, amount_captured=captured, decline=decline)

    def appear(self, reference: str, amount: int, currency: str) -> None:
        """A request that everybody took for lost is executed after all."""
        self._appear(reference, amount, currency, PaymentStatus.CAPTURED)

    def execute_late(self, request: ChargeRequest) -> None:
        """The same, under the request's key, so that a gateway with keys executes it once."""
        if self.keyed and request.idempotency_key in self._by_key:
            return
        self._by_key[request.idempotency_key] = (request, self._execute(request, Play()))

    def authorize(self, reference: str, amount: int, currency: str) -> None:
        """The same, but only an authorization."""
        self._appear(reference, amount, currency, PaymentStatus.AUTHORIZED)

    def _appear(self, reference: str, amount: int, currency: str, status: PaymentStatus) -> None:
        payment = GatewayPayment(
            payment_id=f"pay_{next(_numbers)}",
            reference=reference,
            status=status,
            amount=amount,
            currency=currency,
            amount_captured=amount if status is PaymentStatus.CAPTURED else 0,
        )
        self.payments[payment.payment_id] = payment
        self._write(payment)

    async def look_up(self, handle: PaymentHandle) -> LookUpAnswer:
        self.look_ups += 1
        if self.look_up_faults > 0 or self.mute:
            self.look_up_faults -= 1
            return Unknown(detail="the look-up is not answered")
        return Found(payments=tuple(self._under(handle.reference)))

    async def close(self, handle: PaymentHandle) -> Outcome:
        play = self._settling()
        if play.heard == "never":
            return Unknown(detail="no answer")
        found = self._under(handle.reference)
        if not found:
            return Canceled() if not self.keyed else NotFound()
        payment = found[-1]
        if payment.payment_id in self._unclosable:
            return _outcome(payment)
        if payment.status in (PaymentStatus.REQUIRES_ACTION, PaymentStatus.PENDING):
            payment = self._become(payment, status=PaymentStatus.CANCELED)
        await _run(play.meanwhile)
        return Unknown(detail="no answer") if play.heard == "lost" else _outcome(payment)

    async def capture(self, request: CaptureRequest) -> Outcome:
        return await self._settle(request.handle, PaymentStatus.CAPTURED, request.amount)

    async def void(self, request: VoidRequest) -> Outcome:
        return await self._settle(request.handle, PaymentStatus.CANCELED, 0)

    async def _settle(self, handle: PaymentHandle, wanted: PaymentStatus, amount: int) -> Outcome:
        play = self._settling()
        if play.heard == "never":
            return Unknown(detail="no answer")
        if play.decline is not None:
            return Declined(decline=play.decline)
        payment = self._under(handle.reference)[-1]
        if payment.status is PaymentStatus.AUTHORIZED:
            payment = self._become(payment, status=wanted, amount_captured=amount)
        await _run(play.meanwhile)
        if play.heard == "lost":
            return Unknown(detail="no answer")
        if payment.status is not wanted and payment.status is not PaymentStatus.CANCELED:
            code = DeclineCode.PROCESSING_ERROR
            return Declined(
                decline=Decline(category=DeclineCategory.SOFT, code=code, message="settled already")
            )
        return _outcome(payment)

    async def refund(self, request: RefundRequest) -> RefundAnswer:
        play = self._settling()
        if play.heard == "not_sent":
            return NotSent(cause=play.cause, detail=play.cause)
        if play.heard == "never":
            return Unknown(detail="no answer")
        made = self._refund_keys.get(request.idempotency_key) if self.keyed else None
        if made is None:
            payment = next(
                each
                for each in self._under(request.handle.reference)
                if each.payment_id == request.handle.payment_id
            )
            if payment.amount_refunded + request.amount > payment.amount_captured:
                return RefundRefused(detail="more than is left", cause=RefusalCause.LESS_LEFT)
            self._become(payment, amount_refunded=payment.amount_refunded + request.amount)
            made = GatewayRefund(
                gateway_refund_id=f"ref_{next(_numbers)}",
                refund_id=request.refund_id,
                status=self.refund_status,
                amount=request.amount,
            )
            self._refund_keys[request.idempotency_key] = made
            self.refunds.setdefault(request.handle.reference, []).append(made)
            self.ledger.append(
                Effect(
                    "refund", request.handle.reference, payment.payment_id, request.amount, payment.currency
                )
            )
        await _run(play.meanwhile)
        return Unknown(detail="no answer") if play.heard == "lost" else made

    def decide_refunds(self, reference: str, status: RefundStatus) -> None:
        """The network decides: the refunds under this reference become `status`."""
        made = self.refunds.get(reference, [])
        self.refunds[reference] = [refund.model_copy(update={"status": status}) for refund in made]

    async def look_up_refunds(self, handle: PaymentHandle) -> RefundLookUpAnswer:
        return FoundRefunds(refunds=tuple(self.refunds.get(handle.reference, ())))

    async def list_payments(
        self, since: datetime, until: datetime, cursor: str | None = None
    ) -> PaymentPageAnswer:
        """Two a page, oldest first."""
        if self.list_faults:
            return self.list_faults.pop(0)
        start = int(cursor or 0)
        items = list(self.payments.values())
        now = datetime.now(UTC)
        listed = [
            ListedPayment(
                payment_id=item.payment_id,
                reference=item.reference,
                status=item.status,
                amount=item.amount,
                currency=item.currency,
                amount_captured=item.amount_captured,
                amount_refunded=item.amount_refunded if self.tells_refunds else None,
                created_at=self.made.get(item.payment_id, now),
            )
            for item in items[start : start + 2]
        ]
        following = str(start + 2) if start + 2 < len(items) else None
        return PaymentPage(
            payments=tuple(each for each in listed if since <= each.created_at < until), next_cursor=following
        )

    async def look_up_disputes(self, handle: PaymentHandle) -> DisputeLookUpAnswer:
        self.look_ups += 1
        if self.look_up_faults > 0:
            self.look_up_faults -= 1
            return Unknown(detail="the look-up is not answered")
        return FoundDisputes(disputes=tuple(self.disputes.get(handle.reference, ())))

    async def disputed_payments(self, since: date) -> DisputedPaymentsAnswer:  # noqa: ARG002 - all it has
        return DisputedPayments(
            payments=tuple(
                DisputedPayment(
                    gateway_dispute_id=each.gateway_dispute_id,
                    status=each.status,
                    reference=reference,
                    payment_id=None,
                )
                for reference, found in self.disputes.items()
                for each in found
            )
        )

    def dispute(self, reference: str, status: DisputeStatus, dispute_id: str = "du_1") -> None:
        """The customer's bank opens a dispute, or decides the one with this id."""
        [payment] = self._under(reference)
        others = [each for each in self.disputes.get(reference, ()) if each.gateway_dispute_id != dispute_id]
        made = GatewayDispute(
            gateway_dispute_id=dispute_id,
            status=status,
            amount=payment.amount_captured,
            currency=payment.currency,
            reason="fraudulent",
        )
        self.disputes[reference] = [*others, made]

    def read_webhook(self, body: bytes, headers: Mapping[str, str], now: datetime) -> WebhookEvent:
        raise NotImplementedError

    async def aclose(self) -> None:
        return None

    def sent(self, reference: str) -> list[ChargeRequest]:
        """Every charge request for an attempt that reached the gateway."""
        return [request for request in self.charges if request.reference == reference]

    def _settling(self) -> Play:
        return self.settle_script.pop(0) if self.settle_script else Play()

    def _under(self, reference: str) -> list[GatewayPayment]:
        return [payment for payment in self.payments.values() if payment.reference == reference]

    def _become(self, payment: GatewayPayment, **values: object) -> GatewayPayment:
        after = payment.model_copy(update=values)
        self.payments[payment.payment_id] = after
        if after.status is not payment.status:
            self._write(after, before=payment.status)
        return after

    def _write(self, payment: GatewayPayment, before: PaymentStatus | None = None) -> None:
        kinds = {
            PaymentStatus.CAPTURED: "capture",
            PaymentStatus.AUTHORIZED: "authorize",
            PaymentStatus.DECLINED: "decline",
        }
        kind = kinds.get(payment.status)
        if before is PaymentStatus.AUTHORIZED and payment.status is PaymentStatus.CANCELED:
            kind = "void"
        if kind is not None:
            amount = payment.amount_captured if kind == "capture" else payment.amount
            self.ledger.append(
                Effect(kind, payment.reference or "", payment.payment_id, amount, payment.currency)
            )


def _outcome(payment: GatewayPayment) -> Outcome:
    match payment.status:
        case PaymentStatus.CAPTURED | PaymentStatus.AUTHORIZED:
            return Approved(payment=payment)
        case PaymentStatus.DECLINED if payment.decline is not None:
            return Declined(decline=payment.decline, payment_id=payment.payment_id)
        case PaymentStatus.CANCELED:
            return Canceled(payment_id=payment.payment_id)
        case PaymentStatus.REQUIRES_ACTION if payment.next_action is not None:
            return ActionRequired(next_action=payment.next_action, payment_id=payment.payment_id)
        case _:
            return Pending(detail="undecided", payment_id=payment.payment_id)


async def _run(meanwhile: Callable[[], Awaitable[None]] | None) -> None:
    if meanwhile is not None:
        await meanwhile()
